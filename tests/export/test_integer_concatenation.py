import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mvit.export import (
    convert,
    flatbuffer,
    integer_concatenation,
    quantize,
)
from keras_mvit.export.interpret import LiteRTModel


def _join(*maps, axis=-1):
    return ops.concatenate(maps, axis)


def _file(scale=0.5, after=None, axis=-1):
    """A float32 file that joins two maps; the second has values `scale` times.

    `after` makes the logits of what is joined; by default a convolution.
    """
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(8, 3, padding="same", activation="silu")(image)
    second = layers.Conv2D(8, 3, padding="same")(first)
    second = layers.Activation("silu")(scale * second)
    joined = _join(first, second, axis=axis)
    if after is None:
        joined = layers.Conv2D(16, 1, activation="silu")(joined)
    x = layers.Flatten()(joined if after is None else after(joined))
    model = keras.Model(image, layers.Dense(5)(x))
    return convert.to_float32(model, (8, 8))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 8, 8, 3), np.float32)


def _check_all_is_used(content):
    operators = flatbuffer.operators(content)
    taken = {tensor.name for op in operators for tensor in op.inputs}
    for op in operators[:-1]:
        assert taken.intersection(op.outputs), op


def _joined(content):
    """Types of what concatenations join."""
    return [
        {tensor.dtype for tensor in (*op.inputs, *op.results)}
        for op in flatbuffer.operators(content)
        if op.name == "CONCATENATION"
    ]


@pytest.mark.parametrize("axis", [1, 3])
@pytest.mark.parametrize("scale", [1, 0.05])
def test_int8_is_joined_as_it_is(axis, scale, images, monkeypatch):
    content = _file(scale, axis=axis)
    made = quantize.quantize_file(content, "int8", images)
    monkeypatch.setattr(integer_concatenation, "concatenate", lambda _: None)
    plain = quantize.quantize_file(content, "int8", images)
    assert (_joined(made), _joined(plain)) == ([{"int8"}], [{"float32"}])
    assert LiteRTModel(made).num_partitions == 1
    _check_all_is_used(made)
    expected = LiteRTModel(content).predict(images)
    errors = [
        np.square(LiteRTModel(one).predict(images) - expected).mean()
        for one in (made, plain)
    ]
    assert errors[0] < 1.05 * errors[1] < 1e-3 * expected.var()


def test_scales_that_nothing_bridges_stay_float(images):
    made = quantize.quantize_file(_file(1e-3), "int8", images)
    assert _joined(made) == [{"float32"}]
    assert LiteRTModel(made).num_partitions == 1


@pytest.mark.parametrize(
    "after",
    [
        lambda x: _join(layers.Conv2D(8, 1)(x), layers.Conv2D(4, 1)(x)),
        ops.softmax,  # float32
        lambda x: _join(layers.Conv2D(8, 1)(x), ops.softmax(x)),
        lambda x: _join(x, ops.softmax(layers.Conv2D(8, 1)(x))),
        lambda x: _join(x, ops.softmax(x)),
    ],
    ids=["two", "softmax", "softmax first", "softmax last", "concatenation"],
)
def test_whoever_takes_it_gets_the_same(after, images):
    content = _file(after=after)
    made = quantize.quantize_file(content, "int8", images)
    assert LiteRTModel(made).num_partitions == 1
    _check_all_is_used(made)
    expected = LiteRTModel(content).predict(images)
    error = np.square(LiteRTModel(made).predict(images) - expected).mean()
    assert error < 1e-3 * expected.var()


def test_layers_kept_in_float_stay(images):
    content = _file()
    (joined,) = [
        op for op in flatbuffer.operators(content) if op.name == "CONCATENATION"
    ]
    (user,) = [
        op
        for op in flatbuffer.operators(content)
        if joined.outputs[0] in {tensor.name for tensor in op.inputs}
    ]
    made = quantize.quantize_file(
        content, "int8", images, float_outputs=set(user.outputs)
    )
    assert _joined(made) == [{"float32"}]

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_mvit.export import convert, flatbuffer, merge_convolutions
from keras_mvit.export.interpret import LiteRTModel

SIDE = 6


def _file(build):
    """A float32 file, nothing merged, of `build(x)` with a map x of 8."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 3, activation="relu")(image)
    model = keras.Model(image, build(x))
    for layer in model.layers:
        for weight in layer.weights:  # biases, too
            weight.assign(keras.random.normal(weight.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge_convolutions, "merge", lambda content: content)
        return convert.to_float32(model, (SIDE, SIDE))


def _conv(units, **kwargs):
    return layers.Conv2D(units, 1, **kwargs)


def _two(x):
    return layers.Flatten()(_conv(6)(_conv(12)(x)))


def _three(x):
    return layers.Flatten()(_conv(6)(_conv(12)(_conv(9)(x))))


def _groups(x):
    x = _conv(6)(x)
    x = layers.Concatenate()([_conv(5, activation="relu")(x), _conv(4)(x)])
    return layers.Flatten()(x)


def _shared_second(x):
    """As in a head that several maps share."""
    shared = _conv(6)
    x = layers.Concatenate()([shared(_conv(12)(x)), shared(_conv(12)(x))])
    return layers.Flatten()(x)


def _strided_second(x):
    return layers.Flatten()(_conv(6, strides=2)(_conv(12)(x)))


def _without_biases(x):
    x = _conv(6, use_bias=False)(_conv(12, use_bias=False)(x))
    return layers.Flatten()(x)


def _classifier(x):
    return layers.Dense(5)(layers.GlobalAveragePooling2D()(_conv(12)(x)))


def _activation_between(x):
    return layers.Flatten()(_conv(6)(_conv(12, activation="relu")(x)))


def _shortcut(x):
    x = _conv(6)(x)
    return layers.Flatten()(layers.Add()([x, _conv(6)(x)]))


def _bottleneck(x):
    return layers.Flatten()(_conv(8)(_conv(2)(x)))


def _strided_first(x):
    return layers.Flatten()(_conv(6)(_conv(12, strides=2)(x)))


def _not_pointwise(x):
    return layers.Flatten()(layers.Conv2D(6, 3)(_conv(12)(x)))


def _maximum(x):
    return layers.Dense(5)(layers.GlobalMaxPooling2D()(_conv(12)(x)))


def _check(content, merged):
    images = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3))
    images = images.astype(np.float32)
    expected = LiteRTModel(content).predict(images)
    answers = LiteRTModel(merged).predict(images)
    assert np.abs(answers - expected).max() < 1e-5 * expected.std()


@pytest.mark.parametrize(
    "build, fewer",
    [
        (_two, 1),
        (_three, 2),
        (_groups, 1),
        (_shared_second, 2),
        (_strided_second, 1),
        (_without_biases, 1),
        (_classifier, 1),
    ],
)
def test_what_is_merged_answers_the_same(build, fewer):
    content = _file(build)
    merged = merge_convolutions.merge(content)
    before = flatbuffer.operators(content)
    after = flatbuffer.operators(merged)
    assert len(before) - len(after) == fewer
    assert {op.outputs for op in after} < {op.outputs for op in before}
    constants = [op.inputs[1].name for op in after if op.name == "CONV_2D"]
    assert len(set(constants)) == len(constants)
    assert len(merged) < len(content)
    _check(content, merged)


@pytest.mark.parametrize(
    "build",
    [
        _activation_between,
        _shortcut,
        _bottleneck,  # one product would be larger
        _strided_first,
        _not_pointwise,
        _maximum,
    ],
)
def test_all_else_stays(build):
    content = _file(build)
    merged = merge_convolutions.merge(content)
    assert [op.outputs for op in flatbuffer.operators(merged)] == [
        op.outputs for op in flatbuffer.operators(content)
    ]
    _check(content, merged)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=4))
def test_never_more_products(units):
    def build(x):
        for count in units:
            x = _conv(count)(x)
        return layers.Flatten()(x)

    content = _file(build)
    merged = merge_convolutions.merge(content)
    assert _products(merged) <= _products(content)
    _check(content, merged)


def _products(content):
    """Multiplications of a pixel in pointwise convolutions."""
    kernels = [
        op.inputs[1].shape
        for op in flatbuffer.operators(content)
        if op.name == "CONV_2D"
    ]
    return sum(
        outputs * inputs
        for outputs, height, _, inputs in kernels
        if height == 1
    )

import math

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mvit.export import (
    convert,
    flatbuffer,
    formats,
    packing,
    quantize,
    transpose_products,
)
from keras_mvit.export.interpret import LiteRTModel


def _file(shape, is_upright=True):
    """A float32 file with a product of (..., 6, K) and (..., K, N)."""
    keras.utils.set_random_seed(0)
    *batch, inner, columns = shape
    sizes = [*batch, 6, inner], [*batch, inner, columns]
    if not is_upright:
        sizes[1][-2:] = columns, inner
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3)(image))
    first, second = (
        ops.reshape(layers.Dense(math.prod(size))(x), (-1, *size[1:]))
        for size in sizes
    )
    if not is_upright:
        second = ops.swapaxes(second, -1, -2)
    x = layers.Flatten()(ops.matmul(first, second))
    return convert.to_float32(keras.Model(image, x), (8, 8))


def _quantized(content, images, name="int8"):
    return quantize.quantize_file(content, formats.FORMATS[name], images)


def _without(monkeypatch, content, images):
    with monkeypatch.context() as patch:
        patch.setattr(transpose_products, "transpose", lambda model: None)
        return _quantized(content, images)


def _products(content):
    model = packing.unpack(content)
    return [
        operator
        for operator in model.subgraphs[0].operators
        if packing.operator_name(model, operator) == "BATCH_MATMUL"
    ]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 8, 8, 3), np.float32)


@pytest.mark.parametrize(
    "shape", [(1, 5, 7), (1, 3, 5, 7), (1, 2, 64, 16), (1, 1, 33, 1)]
)
def test_answers_stay_the_same(shape, images, monkeypatch):
    content = _file(shape)
    plain = _without(monkeypatch, content, images)
    made = _quantized(content, images)
    assert [op.builtinOptions.adjY for op in _products(plain)] == [False]
    assert [op.builtinOptions.adjY for op in _products(made)] == [True]
    results = [LiteRTModel(one).predict(images) for one in (plain, made)]
    np.testing.assert_array_equal(*results)
    assert len(np.unique(results[0])) > 20
    assert LiteRTModel(made).num_partitions == 1


def test_what_xnnpack_would_fold_again_is_kept_apart(images):
    operators = flatbuffer.operators(_quantized(_file((1, 3, 5, 7)), images))
    names = [op.name for op in operators]
    index = names.index("BATCH_MATMUL")
    assert names[index - 2 : index] == ["TRANSPOSE", "RESHAPE"]
    assert operators[index].inputs[1].shape == (1, 3, 7, 5)
    assert operators[index].inputs[1] == operators[index - 1].results[0]


def test_columns_in_one_piece_stay(images, monkeypatch):
    content = _file((1, 3, 5, 7), is_upright=False)
    made = _quantized(content, images)
    assert [op.builtinOptions.adjY for op in _products(made)] == [True]
    assert made == _without(monkeypatch, content, images)


@pytest.mark.parametrize("name", ["float32", "dynamic", "int8_full"])
def test_other_formats_stay(name, images):
    made = _quantized(_file((1, 3, 5, 7)), images, name)
    assert [op.builtinOptions.adjY for op in _products(made)] == [False]


def test_float_products_stay(images):
    content = _file((1, 3, 5, 7))
    (product,) = (
        op for op in flatbuffer.operators(content) if op.name == "BATCH_MATMUL"
    )
    made = quantize.quantize_file(
        content,
        formats.FORMATS["int8"],
        images,
        float_outputs=product.outputs,
    )
    assert [op.builtinOptions.adjY for op in _products(made)] == [False]

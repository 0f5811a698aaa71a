import collections

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks.latency_operators import groups
from benchmarks.operators_left_out import without_silu, without_softmax
from keras_mvit.export import flatbuffer, formats, packing, quantize
from keras_mvit.export.convert import to_float32
from keras_mvit.export.interpret import LiteRTModel


@pytest.fixture(scope="module")
def int8_file():
    """Two SiLU, a sigmoid that is none, padding, and attention."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.ZeroPadding2D()(image)
    x = layers.Conv2D(8, 3, strides=2, activation="silu")(x)
    x = layers.Conv2D(8, 1)(x)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(x)
    x = ops.silu(layers.Conv2D(8, 1)(gate * x))
    tokens = ops.reshape(x, (-1, 16, 8))
    with keras.name_scope("softmax"):
        scores = ops.softmax(ops.matmul(tokens, ops.swapaxes(tokens, 1, 2)))
    x = layers.GlobalAveragePooling1D()(ops.matmul(scores, tokens))
    content = to_float32(keras.Model(image, x), (8, 8))
    images = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    return quantize.quantize_file(content, formats.FORMATS["int8"], images)


def _counts(content):
    assert LiteRTModel(content).num_partitions == 1
    names = (op.name for op in flatbuffer.operators(content))
    return collections.Counter(names)


def test_what_xnnpack_fuses_is_one_group(int8_file):
    model = packing.unpack(int8_file)
    found = groups(model)
    names = [
        tuple(packing.operator_name(model, op) for op in group)
        for group in found
    ]
    assert names.count(("LOGISTIC", "MUL")) == 2
    assert names.count(("PAD", "CONV_2D")) == 1
    assert names.count(("LOGISTIC",)) == names.count(("MUL",)) == 1
    operators = model.subgraphs[0].operators
    assert sum(found, []) == sorted(sum(found, []), key=operators.index)
    assert len(sum(found, [])) == len(operators)


def test_without_silu(int8_file):
    lost = _counts(int8_file) - _counts(without_silu(int8_file))
    assert lost == {"LOGISTIC": 2, "MUL": 2}


def test_without_softmax(int8_file):
    lost = _counts(int8_file) - _counts(without_softmax(int8_file))
    assert lost == {"SOFTMAX": 1, "QUANTIZE": 1, "DEQUANTIZE": 1}


def test_without_both(int8_file):
    made = without_softmax(without_silu(int8_file))
    lost = _counts(int8_file) - _counts(made)
    assert lost.total() == 7
    images = np.random.default_rng(1).random((4, 8, 8, 3), np.float32)
    assert LiteRTModel(made).predict(images).std() > 0

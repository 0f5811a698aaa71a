import keras
import numpy as np
import pytest

from keras_mvit.export import (
    convert,
    fine_softmax,
    flatbuffer,
    formats,
    quantize,
)
from keras_mvit.export.interpret import LiteRTModel

ROW = formats.FORMATS["int8_full"]


def _attention(side, then=lambda x: x, gain=1.0):
    """A file that averages the pixels of an image by softmax over them."""
    image = keras.Input((side, side, 3))
    x = keras.layers.Reshape((side * side, 3))(image)
    scores = keras.ops.transpose(x[..., :1] * gain, (0, 2, 1))
    weights = then(keras.ops.softmax(scores))  # (B, 1, N)
    context = keras.ops.matmul(weights, x)
    logits = keras.layers.Reshape((3,))(context)
    return convert.to_float32(keras.Model(image, logits), (side, side))


@pytest.fixture(scope="module")
def attention():
    return _attention(20)  # 400 values of about 1/400


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 20, 20, 3), np.float32)


def _noise(content, float32, images):
    expected = LiteRTModel(float32).predict(images)
    answers = LiteRTModel(content).predict(images)
    return np.abs(answers - expected).max() / np.abs(expected).max()


def test_many_small_probabilities_survive(attention, images, monkeypatch):
    fine = quantize.quantize_file(attention, ROW, images)
    (softmax,) = [
        op for op in flatbuffer.operators(fine) if op.name == "SOFTMAX"
    ]
    assert softmax.results[0].dtype == "int16"
    monkeypatch.setattr(fine_softmax, "refine", lambda content, _: content)
    coarse = quantize.quantize_file(attention, ROW, images)
    assert _noise(fine, attention, images) < 0.03
    assert _noise(coarse, attention, images) > 0.1


def test_large_probabilities_stay_as_they_are(images):
    sharp = _attention(4, gain=30.0)
    content = quantize.quantize_file(sharp, ROW, images[:, :4, :4])
    (softmax,) = [
        op for op in flatbuffer.operators(content) if op.name == "SOFTMAX"
    ]
    assert softmax.results[0].dtype == "int8"


def test_what_depends_on_the_scale_stays_as_it_is(images):
    """A slice has the scale of what it is cut from."""
    content = _attention(20, lambda weights: weights[..., ::-1])
    made = quantize.quantize_file(content, ROW, images)
    (softmax,) = [
        op for op in flatbuffer.operators(made) if op.name == "SOFTMAX"
    ]
    assert softmax.results[0].dtype == "int8"

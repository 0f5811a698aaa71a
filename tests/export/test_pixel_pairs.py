import keras
import numpy as np
import pytest
from keras import layers

import keras_mvit
from keras_mvit.export import convert, flatbuffer, pixel_pairs, quantize
from keras_mvit.export.interpret import LiteRTModel


def _file(size=(12, 16), channels=3, kernel=3, pad=1, **settings):
    """A float32 file that begins as the papers' models do."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((*size, 3))
    if channels != 3:
        x = layers.Conv2D(channels, 1)(x)
    x = layers.ZeroPadding2D(pad)(x)
    settings = {"strides": 2, "use_bias": True, **settings}
    x = layers.Conv2D(
        8, kernel, activation="silu", bias_initializer="normal", **settings
    )(x)
    x = layers.Dense(5)(layers.Flatten()(x))
    return convert.to_float32(keras.Model(image, x), size)


def _files(content, images, monkeypatch, **settings):
    """The int8 file, and that without pairs."""
    made = quantize.quantize_file(content, "int8", images, **settings)
    monkeypatch.setattr(pixel_pairs, "pair", lambda _: None)
    return made, quantize.quantize_file(content, "int8", images, **settings)


def _kernel(content):
    """(height, width, channels) of the first convolution that has stride 2."""
    return next(
        op.inputs[1].shape[1:]
        for op in flatbuffer.operators(content)
        if op.name == "CONV_2D" and op.inputs[1].shape[1] > 1
    )


def _images(size=(12, 16)):
    return np.random.default_rng(0).random((20, *size, 3), np.float32)


@pytest.mark.parametrize(
    "size",
    [
        (12, 16),
        pytest.param((13, 16), marks=pytest.mark.large),
        (7, 2),
        pytest.param((8, 6), marks=pytest.mark.large),
    ],
    ids=lambda s: f"{s[0]}x{s[1]}",
)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pad": ((1, 1), (1, 0))},
        {"pad": ((0, 2), (1, 1))},
        {"kernel": (5, 3), "pad": (2, 1)},
        {"strides": (1, 2)},
        {"use_bias": False},
        {"channels": 1},
        {"channels": 4},
    ],
    ids=str,
)
def test_answers_stay_the_same(size, settings, monkeypatch):
    images = _images(size)
    made, plain = _files(_file(size, **settings), images, monkeypatch)
    height, width, channels = _kernel(plain)
    assert (width, _kernel(made)) == (3, (height, 2, 2 * channels))
    results = [LiteRTModel(one).predict(images) for one in (made, plain)]
    np.testing.assert_array_equal(*results)
    assert len(np.unique(results[0])) > 20
    assert LiteRTModel(made).num_partitions == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"size": (12, 15)},
        {"strides": 1, "pad": ((1, 1), (1, 0))},
        {"channels": 5},
        {"kernel": 2, "pad": ((1, 1), (1, 0))},
        {"kernel": 5},
        {"pad": 2},
        {"pad": ((1, 1), (0, 1))},
        {"pad": ((1, 1), (1, 2))},
        {"padding": "same", "pad": ((1, 1), (1, 0))},
    ],
    ids=str,
)
def test_other_convolutions_stay(settings, monkeypatch):
    images = _images(settings.get("size", (12, 16)))
    made, plain = _files(_file(**settings), images, monkeypatch)
    assert _kernel(made) == _kernel(plain)
    assert LiteRTModel(made).num_partitions == 1


@pytest.mark.parametrize("name", ["float32", "dynamic", "int8_full"])
def test_other_formats_stay(name):
    images = _images()
    made = quantize.quantize_file(_file(), name, images)
    assert _kernel(made) == (3, 3, 3)


@pytest.mark.parametrize("input_type", ["int8", "uint8"])
def test_integer_input(input_type, monkeypatch):
    images = _images()
    made, plain = _files(_file(), images, monkeypatch, input_type=input_type)
    assert _kernel(made) == (3, 2, 6)
    models = [LiteRTModel(one) for one in (made, plain)]
    (taken,) = models[0].inputs
    assert np.dtype(taken["dtype"]) == input_type
    assert tuple(taken["shape"]) == (1, 12, 16, 3)
    results = [model.predict(images) for model in models]
    np.testing.assert_array_equal(*results)


def test_a_padded_image_that_others_take_stays(monkeypatch):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 16, 3))
    padded = layers.ZeroPadding2D(1)(image)
    x = [layers.Conv2D(4, 3, strides=2)(padded) for _ in range(2)]
    x = layers.Dense(5)(layers.Flatten()(x[0] + x[1]))
    content = convert.to_float32(keras.Model(image, x), (12, 16))
    made, _ = _files(content, _images(), monkeypatch)
    assert _kernel(made) == (3, 3, 3)


@pytest.mark.parametrize(
    "name",
    [
        "mobilevit_xxs",
        pytest.param("mobilevitv2_050", marks=pytest.mark.large),
        pytest.param("cmt_ti", marks=pytest.mark.large),
    ],
)
def test_of_the_papers(name):
    model = keras_mvit.create_model(name, input_shape=(64, 64, 3))
    images = _images((64, 64))[:2]
    content = convert.to_float32(model, (64, 64))
    made = quantize.quantize_file(content, "int8", images)
    assert _kernel(made) == (3, 2, 6)

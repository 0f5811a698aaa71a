import keras
import numpy as np
import pytest
from keras import layers

from keras_mvit.export import bias_scale, convert, formats, quantize
from keras_mvit.export.interpret import LiteRTModel

_LAYERS = {
    "conv": lambda: layers.Conv2D(8, 3),
    "depthwise": lambda: layers.DepthwiseConv2D(3),
    "dense": lambda: layers.Dense(8),
}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 12, 12, 3), np.float32)


def _file(kind, factor):
    """A float32 file in whose middle half of the channels have few weights."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, activation="relu")(image)
    if kind == "dense":
        x = layers.GlobalAveragePooling2D()(x)
    layer = _LAYERS[kind]()
    x = layers.ReLU()(layer(x))
    weights, bias = layer.get_weights()
    if kind == "depthwise":
        weights[..., ::2, :] *= factor
    else:
        weights[..., ::2] *= factor
    layer.set_weights([weights, np.linspace(-1, 2, len(bias))])
    if kind != "dense":
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3)(x))
    model = keras.Model(image, layers.Dense(4)(x))
    return convert.to_float32(model, (12, 12))


def _error(content, made, images):
    expected = LiteRTModel(content).predict(images)
    difference = LiteRTModel(made).predict(images) - expected
    return np.abs(difference).max() / np.abs(expected).max()


@pytest.mark.parametrize(
    "name",
    ["int8", "int16x8", pytest.param("int8_full", marks=pytest.mark.large)],
)
@pytest.mark.parametrize(
    "factor",
    [
        pytest.param(1e-3, marks=pytest.mark.large),
        1e-6,
        pytest.param(1e-20, marks=pytest.mark.large),
        0.0,
    ],
)
@pytest.mark.parametrize("kind", list(_LAYERS))
def test_channels_of_next_to_no_weights_keep_their_bias(
    kind, factor, name, images, monkeypatch
):
    content = _file(kind, factor)
    made = quantize.quantize_file(content, formats.FORMATS[name], images)
    assert _error(content, made, images) < 0.03
    if factor < 1e-5:
        monkeypatch.setattr(bias_scale, "widen", lambda *_: None)
        plain = quantize.quantize_file(content, formats.FORMATS[name], images)
        assert _error(content, plain, images) > 0.1


@pytest.mark.parametrize("name", ["int8", "int8_full", "int16x8"])
def test_others_stay_as_they_are(name, images, monkeypatch):
    content = _file("conv", 1.0)
    made = quantize.quantize_file(content, formats.FORMATS[name], images)
    monkeypatch.setattr(bias_scale, "widen", lambda *_: None)
    row = formats.FORMATS[name]
    assert made == quantize.quantize_file(content, row, images)


@pytest.mark.parametrize("name", ["int8", "int8_full", "int16x8"])
def test_what_is_always_zero(name, images):
    """Such as a layer whose activation never lets anything through."""
    image = keras.Input((12, 12, 3))
    never = keras.initializers.Constant(-100.0)
    x = layers.Conv2D(8, 3, activation="relu", bias_initializer=never)(image)
    x = layers.Conv2D(8, 3, bias_initializer="ones")(x)
    x = layers.GlobalAveragePooling2D()(x)
    content = convert.to_float32(keras.Model(image, x), (12, 12))
    made = quantize.quantize_file(content, formats.FORMATS[name], images)
    assert _error(content, made, images) < 0.01
    if name == "int8":
        assert LiteRTModel(made).num_partitions == 1

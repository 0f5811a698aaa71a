import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from keras_mvit import layers
from keras_mvit.training import fake_quantize, quantize_aware

SIZE = 16


def _mobilevit(x):
    x = layers.ConvNormAct(8, strides=2, name="stem")(x)
    x = layers.InvertedResidual(8, name="residual")(x)
    return layers.MobileViTBlock(8, 16, depth=1, num_heads=2, name="block")(x)


def _mobilevitv2(x):
    x = layers.ConvNormAct(8, strides=2, name="stem")(x)
    return layers.MobileViTV2Block(8, 16, depth=1, name="block")(x)


def _cmt(x):
    x = layers.CMTStem(8, name="stem")(x)
    bias = layers.RelativePositionBias(2, 2, name="bias")(x)
    return layers.CMTBlock(2, 2, ffn_dim=16, name="block")(x, bias)


def _linformer(x):
    x = layers.ConvNormAct(8, strides=2, name="stem")(x)
    return layers.MobileViTBlock(
        8, 16, depth=1, attention_kind="linformer", name="block"
    )(x)


def _model(body, size=SIZE):
    """With weights and statistics that are not those of the start."""
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(body(image))
    model = keras.Model(image, keras.layers.Dense(5, name="classifier")(x))
    random = np.random.default_rng(0)
    for weight in model.weights:
        noise = random.uniform(0.5, 1.5, weight.shape)
        weight.assign(weight.numpy() * noise + 0.01 * noise)
    return model


def _images(count=12):
    return np.random.default_rng(1).random((count, SIZE, SIZE, 3), "float32")


def _calibrated(model, images):
    aware = quantize_aware.quantize_aware(model, SIZE)
    labels = np.zeros(len(images))
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    quantize_aware.calibrate(aware, batches)
    return aware


def _ranges(model):
    return {
        layer.tensor_path: layer.range
        for layer in model._flatten_layers()
        if isinstance(layer, fake_quantize.FakeQuantize)
    }


@pytest.fixture
def without_rounding(monkeypatch):
    for name in ("FakeQuantize", "FixedQuantize"):
        monkeypatch.setattr(
            getattr(fake_quantize, name), "call", lambda self, x, **_: x
        )
    monkeypatch.setattr(
        fake_quantize.QuantizedKernel,
        "_rounded",
        lambda self: self.layer.kernel,
    )


@pytest.mark.parametrize("body", [_mobilevit, _mobilevitv2, _cmt])
def test_taken_apart_it_is_the_same_model(body, without_rounding):
    model = _model(body)
    aware = quantize_aware.quantize_aware(model, SIZE)
    expected = model.predict(_images(), verbose=0)
    for training in (False, True):  # the statistics stay
        assert_allclose(
            aware(_images(), training=training), expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("body", [_mobilevit, _mobilevitv2, _cmt])
def test_rounds_and_stays_near(body):
    model = _model(body)
    images = _images()
    aware = _calibrated(model, images)
    expected = model.predict(images, verbose=0)
    error = np.abs(aware.predict(images, verbose=0) - expected)
    assert 0 < error.max() < 0.5 * expected.std()
    own = {id(weight) for weight in model.trainable_weights}
    assert {id(weight) for weight in aware.trainable_weights} == own


def test_what_is_rounded_is_called_as_it_is_in_the_model():
    ranges = _ranges(_calibrated(_model(_mobilevit), _images()))
    assert {
        "image",
        "stem/conv",  # with its normalization
        "stem/silu_1",
        "residual/project/conv",
        "residual/add_1",
        "block/local_proj",
        "block/transformer_0/norm1",
        "block/transformer_0/attention/qkv",
        "block/transformer_0/attention/matmul_1",
        "block/transformer_0/add_1",
        "block/transformer_0/mlp_fc1",
        "block/concatenate_1",
        "pool",
        "classifier",
    } < set(ranges)
    assert "stem/bn" not in ranges and "stem/pad" not in ranges
    assert all(least <= 0 <= greatest for least, greatest in ranges.values())
    assert ranges["image"] == pytest.approx((0, 1), abs=0.01)
    assert ranges["stem/silu_1"][0] == pytest.approx(-0.28, abs=0.02)
    for name in ("1", "1_input_0", "2_input_1"):
        path = f"block/transformer_0/attention/matmul_{name}"
        least, greatest = ranges[path]
        assert least == -greatest


def test_ranges_follow_the_batches_in_training_only():
    layer = fake_quantize.FakeQuantize("x")
    x = tf.constant([[-1.0, 3.0]])
    layer.build(x.shape)
    layer.calibrating = True
    layer(x)
    layer.calibrating = False
    assert layer.range == (-1, 3)
    layer(2 * x, training=False)
    assert layer.range == (-1, 3)
    layer(2 * x, training=True)
    assert -2 < layer.range[0] < -1 and 3 < layer.range[1] < 6


def test_gradients_pass_within_the_range():
    layer = fake_quantize.FakeQuantize("x")
    layer.build((3,))
    layer._range["max_var"].assign(1.0)
    x = tf.constant([-1.0, 0.3, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert tape.gradient(y, x).numpy().tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "layer, channel_axis",
    [
        (keras.layers.Conv2D(5, 3), -1),
        (keras.layers.DepthwiseConv2D(3), 2),
        (keras.layers.Dense(5), -1),
    ],
)
def test_a_kernel_has_255_steps_a_channel(layer, channel_axis):
    layer.build((None, 8, 8, 4))
    rounding = fake_quantize.QuantizedKernel(layer)
    rounding.build((None, 8, 8, 4))
    kernel = np.moveaxis(layer.kernel.numpy(), channel_axis, -1)
    rounded = np.moveaxis(rounding._rounded().numpy(), channel_axis, -1)
    axes = tuple(range(kernel.ndim - 1))
    steps = rounded / np.abs(kernel).max(axes, keepdims=True) * 127
    assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(steps).max() == pytest.approx(127, abs=1e-3)
    assert not np.array_equal(kernel, rounded)
    # A normalization's factors, positive or not, change nothing of that.
    factors = np.linspace(-2, 3, kernel.shape[-1], dtype="float32")
    factors = np.moveaxis(
        np.broadcast_to(factors, kernel.shape), -1, channel_axis
    )
    scaled = layer.kernel.numpy() * factors
    expected = rounding._rounded().numpy() * factors
    layer.kernel.assign(scaled)
    assert_allclose(rounding._rounded(), expected, rtol=1e-4, atol=1e-6)


def test_what_cannot_be_quantized_is_named():
    class Cube(keras.layers.Layer):
        def call(self, x):
            return x**3

    with pytest.raises(ValueError, match="the layers cube .Cube.$"):
        quantize_aware.quantize_aware(_model(Cube(name="cube")), SIZE)
    model = _model(_linformer)
    # Its projection of the tokens is no layer of its own.
    with pytest.raises(ValueError, match="block/transformer_0/attention .Linf"):
        quantize_aware.quantize_aware(model, SIZE)
    soft = keras.layers.Conv2D(4, 1, activation="softmax", name="soft")
    with pytest.raises(ValueError, match="soft .Conv2D."):
        quantize_aware.quantize_aware(_model(soft), SIZE)


def test_keras_stays_as_it_was():
    fake_quantize.QuantizedKernel(keras.layers.Dense(1))
    assert "TF_USE_LEGACY_KERAS" not in os.environ
    assert tf.keras.Model is keras.Model

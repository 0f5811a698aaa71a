import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.training.fused_batch_norm import normalize
from keras_mvit.training.fused_kernels import use_fused_kernels


def _models(policy="float32"):
    """The same model twice, one with fused normalization."""
    inputs = keras.Input((None, None, 3))
    layers = (
        keras_mvit.layers.ConvNormAct(16, strides=2, dtype=policy),
        keras_mvit.layers.InvertedResidual(10, dtype=policy),
    )
    x = inputs
    for layer in layers:
        x = layer(x)
    plain = keras.Model(inputs, x)
    fused = keras.models.clone_model(plain)
    fused.set_weights(plain.get_weights())
    use_fused_kernels(fused)
    return plain, fused


def _train(model, x):
    with tf.GradientTape() as tape:
        y = tf.cast(model(x, training=True), tf.float32)
        loss = tf.reduce_sum(tf.sin(3 * y))
    return y, tape.gradient(loss, model.trainable_weights)


def _operations(model):
    step = tf.function(lambda x: model(x, training=True))
    graph = step.get_concrete_function(tf.TensorSpec((4, 12, 8, 3))).graph
    return [operation.type for operation in graph.get_operations()]


@pytest.fixture
def images():
    return (
        np.random.default_rng(0).normal(2, 3, (4, 12, 8, 3)).astype("float32")
    )


def test_the_kernel_is_used():
    plain, fused = map(_operations, _models())
    assert "FusedBatchNormV3" not in plain
    # Of four layers, the last has no whole vectors and needs a second.
    assert fused.count("FusedBatchNormV3") == 3 + 2


def test_a_step_is_the_same(images):
    plain, fused = _models()
    y, gradients = _train(plain, images)
    fused_y, fused_gradients = _train(fused, images)
    assert_allclose(fused_y, y, atol=1e-5)
    for gradient, fused_gradient in zip(
        gradients, fused_gradients, strict=True
    ):
        scale = np.abs(gradient).max()
        assert_allclose(fused_gradient, gradient, atol=1e-4 * scale)
    for weight, fused_weight in zip(plain.weights, fused.weights, strict=True):
        assert_allclose(fused_weight, weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 16, 24, 46, 331])
@pytest.mark.parametrize("shape", [(3, 7, 5), (2, 6, 3), (4, 4, 8), (1, 3, 3)])
def test_any_number_of_channels_and_pixels(channels, shape):
    random = np.random.default_rng(channels)
    x, upstream = random.normal(1, 2, (2, *shape, channels))
    gamma, beta = random.normal(1, 1, (2, channels))
    tensors = [tf.constant(a, tf.float32) for a in (x, gamma, beta)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y, mean, variance = normalize(*tensors, 1e-3)
    gradients = tape.gradient(y, tensors, tf.constant(upstream, tf.float32))
    expected = _in_float64(x, gamma, beta, 1e-3, upstream)
    for value, other in zip(
        (y, mean, variance, *gradients), expected, strict=True
    ):
        assert_allclose(value, other, atol=2e-6 * np.abs(other).max())


def _in_float64(x, gamma, beta, epsilon, upstream):
    pixels = (0, 1, 2)
    mean, variance = x.mean(pixels), x.var(pixels)
    scale = 1 / np.sqrt(variance + epsilon)
    normalized = (x - mean) * scale
    of_normalized = upstream * gamma
    of_x = scale * (
        of_normalized
        - of_normalized.mean(pixels)
        - normalized * (of_normalized * normalized).mean(pixels)
    )
    return (
        normalized * gamma + beta,
        mean,
        variance,
        of_x,
        (upstream * normalized).sum(pixels),
        upstream.sum(pixels),
    )


def test_the_moving_averages_move(images):
    _, fused = _models()
    before = [w.numpy() for w in fused.non_trainable_weights]
    _train(fused, images)
    after = fused.non_trainable_weights
    assert all(
        np.abs(a - b).max() > 1e-4 for a, b in zip(after, before, strict=True)
    )


def test_evaluation_is_as_before(images):
    plain, fused = _models()
    assert_allclose(fused(images), plain(images), atol=1e-6)


def test_mixed_precision(images):
    plain, fused = _models("mixed_float16")
    y, _ = _train(plain, images)
    fused_y, _ = _train(fused, images)
    assert_allclose(fused_y, y, atol=2e-2)


def test_saved_models_are_plain(images, tmp_path):
    plain, fused = _models()
    fused.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert "FusedBatchNormV3" not in _operations(loaded)
    assert_allclose(loaded(images), plain(images), atol=1e-6)


def test_frozen_statistics_stay(images):
    _, fused = _models()
    fused.trainable = False
    before = fused.get_weights()
    fused(images, training=True)
    for weight, value in zip(fused.get_weights(), before, strict=True):
        assert_allclose(weight, value)

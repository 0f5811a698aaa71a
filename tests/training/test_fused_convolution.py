import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.training.fused_kernels import use_fused_kernels


def _models(policy="float32", **kwargs):
    """The same model twice, one that pads within its convolution."""
    inputs = keras.Input((None, None, 4))
    layer = keras_mvit.layers.ConvNormAct(dtype=policy, **kwargs)
    plain = keras.Model(inputs, layer(inputs))
    fused = keras.models.clone_model(plain)
    fused.set_weights(plain.get_weights())
    use_fused_kernels(fused)
    return plain, fused


def _trained(model, x):
    """The answer and every gradient of a step."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=True)
        loss = tf.reduce_sum(tf.sin(3 * y))
    return y, *tape.gradient(loss, [x, *model.trainable_weights])


def _pads(model):
    step = tf.function(lambda x: model(x, training=True))
    graph = step.get_concrete_function(tf.TensorSpec((4, 12, 8, 4))).graph
    return [op.type for op in graph.get_operations()].count("Pad")


@settings(deadline=None, max_examples=20)
@given(
    filters=st.sampled_from([None, 6]),
    kernel_size=st.sampled_from([1, 3, 5]),
    strides=st.sampled_from([1, 2, 3]),
    use_bias=st.booleans(),
    size=st.tuples(st.integers(5, 13), st.integers(5, 13)),
    seed=st.integers(0, 99),
)
def test_a_step_is_the_same(size, seed, **kwargs):
    keras.utils.set_random_seed(seed)
    images = np.random.default_rng(seed).normal(size=(2, *size, 4))
    plain, fused = _models(**kwargs)
    for weight in plain.trainable_weights:  # biases are zero, else
        weight.assign_add(keras.random.uniform(weight.shape, 0.1, 0.2))
    fused.set_weights(plain.get_weights())
    images = images.astype("float32")
    pairs = zip(_trained(fused, images), _trained(plain, images), strict=True)
    for actual, desired in pairs:
        scale = max(1, np.abs(desired).max())
        assert_allclose(actual, desired, atol=1e-4 * scale)


@pytest.mark.parametrize("filters", [None, 6])
def test_the_map_is_not_padded_apart(filters):
    plain, fused = _models(filters=filters, strides=2)
    assert (_pads(plain), _pads(fused)) == (1, 0)


@pytest.mark.parametrize("filters", [None, 6])
def test_xla_compiles_it(filters):
    plain, fused = _models(filters=filters, strides=2)
    images = np.random.default_rng(0).normal(size=(2, 9, 8, 4))
    images = images.astype("float32")
    compiled = tf.function(fused, jit_compile=True)
    assert_allclose(compiled(images), plain(images), atol=1e-5)


def test_half_precision_is_as_before():
    _, fused = _models("mixed_bfloat16", filters=6, strides=2)
    assert _pads(fused) == 1


def test_saved_models_are_plain(tmp_path):
    _, fused = _models(filters=None, strides=2)
    fused.save(tmp_path / "model.keras")
    assert _pads(keras.models.load_model(tmp_path / "model.keras")) == 1

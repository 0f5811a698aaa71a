import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.training.fused_kernels import use_fused_kernels
from keras_mvit.training.fused_silu import silu


def _with_gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y, tape.gradient(y, x, tf.cos(tf.cast(x, x.dtype)))


@pytest.mark.parametrize(
    "dtype, error", [("float32", 4e-6), ("float16", 0), ("float64", 0)]
)
def test_it_is_silu(dtype, error):
    x = tf.constant(np.linspace(-60, 60, 5001), dtype)
    for ours, wanted in zip(
        _with_gradient(silu, x),
        _with_gradient(keras.activations.silu, x),
        strict=True,
    ):
        assert_allclose(ours, wanted, atol=error, rtol=0)


def test_the_model_trains_by_it_and_says_silu():
    layer = keras_mvit.layers.ConvNormAct(4)
    config = layer.get_config()
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    use_fused_kernels(model)
    assert layer.activation is silu
    assert layer.get_config() == config


def test_other_activations_stay():
    layer = keras_mvit.layers.ConvNormAct(4, activation="relu")
    use_fused_kernels(keras.Sequential([keras.Input((8, 8, 3)), layer]))
    assert layer.activation is keras.activations.relu

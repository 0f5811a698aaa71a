"""Activations that make fewer passes over the map.

TensorFlow makes two for SiLU and four for its gradient, and some fifteen for
GELU and its gradient; XLA makes one of each.
"""

import functools
import math

import keras
import tensorflow as tf

from keras_mvit.training.compiled import either


def make_activations(batch_sizes=()):
    """Return what stands in for activations, under their names.

    Args:
        batch_sizes: tuple of int. What XLA compiles them for.

    Returns:
        dict of callable to callable, both of a tensor.
    """
    return {
        plain: _make(plain, forward, gradient, batch_sizes)
        for plain, forward, gradient in (
            (keras.activations.silu, _silu, _silu_gradient),
            (keras.activations.gelu, _gelu, _gelu_gradient),
        )
    }


def _make(plain, forward, gradient, batch_sizes):
    def run(function, *maps):
        # Flat: maps of as many values have one program.
        shape = tf.shape(maps[0])
        flat = [tf.reshape(x, [-1]) for x in maps]
        return tf.reshape(either(function, batch_sizes, shape[0], *flat), shape)

    @tf.custom_gradient
    def fused(x):
        return run(forward, x), lambda upstream: run(gradient, x, upstream)

    @functools.wraps(plain)  # a config has its name
    def activation(x):
        # Half precision stays as Keras has it.
        return fused(x) if x.dtype == "float32" else plain(x)

    return activation


def _silu(x):
    return x * tf.sigmoid(x)


def _silu_gradient(x, upstream):
    # The sigmoid is computed again: to read a map takes longer.
    y = tf.sigmoid(x)
    return upstream * (y + tf.raw_ops.SigmoidGrad(y=y, dy=x))


def _gelu(x):
    return 0.5 * x * tf.math.erfc(-math.sqrt(0.5) * x)


def _gelu_gradient(x, upstream):
    share = 0.5 + 0.5 * tf.math.erf(math.sqrt(0.5) * x)
    density = math.sqrt(0.5 / math.pi) * tf.exp(-0.5 * x * x)
    return upstream * (share + x * density)

"""SiLU that makes fewer passes over the map.

TensorFlow makes two for the answer and four for its gradient; XLA makes one of
each.
"""

import keras
import tensorflow as tf

from keras_mvit.training.compiled import batch_sizes_here, either


def make_silu(batch_sizes=()):
    """`keras.activations.silu`; a config that has it is the same.

    Args:
        batch_sizes: sequence of int. What XLA compiles it for, on a CPU.

    Returns:
        Callable of a tensor.
    """
    batch_sizes = batch_sizes_here(batch_sizes)

    def run(function, *maps):
        # Flat: maps of as many values have one program.
        shape = tf.shape(maps[0])
        flat = [tf.reshape(x, [-1]) for x in maps]
        return tf.reshape(either(function, batch_sizes, shape[0], *flat), shape)

    @tf.custom_gradient
    def fused(x):
        return run(_silu, x), lambda upstream: run(_gradient, x, upstream)

    def silu(x):
        # Half precision stays as Keras has it.
        return fused(x) if x.dtype == "float32" else keras.activations.silu(x)

    return silu


def _silu(x):
    return x * tf.sigmoid(x)


def _gradient(x, upstream):
    # The sigmoid is computed again: to read a map takes longer.
    y = tf.sigmoid(x)
    return upstream * (y + tf.raw_ops.SigmoidGrad(y=y, dy=x))

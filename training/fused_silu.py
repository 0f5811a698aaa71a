"""SiLU that makes fewer passes over the map.

TensorFlow makes two for the answer and five for its gradient; XLA makes one of
each, but compiles them for each size of a map, which takes longer than to
train on a few images. So it is for the whole batches of a run, and not for
what is left at the end of an epoch, which is of another size each time.
"""

import functools

import keras
import tensorflow as tf


def make_silu(batch_sizes=()):
    """`keras.activations.silu`; a config that has it is the same.

    Args:
        batch_sizes: sequence of int. What XLA compiles it for, on a CPU.

    Returns:
        Callable of a tensor.
    """
    if not _is_compiled_here():
        batch_sizes = ()

    @tf.custom_gradient
    def fused(x):
        def gradient(upstream):
            return _either(_gradient, batch_sizes, x, y, upstream)

        y = _either(_silu, batch_sizes, x)
        return y, gradient

    def silu(x):
        # In the gradient is a difference of large numbers, which half
        # precision does not bear.
        return fused(x) if x.dtype == "float32" else keras.activations.silu(x)

    return silu


def _silu(x):
    return x * tf.sigmoid(x)


def _gradient(x, y, upstream):
    return upstream * (y + tf.sigmoid(x) * (1.0 - y))


def _either(function, batch_sizes, *maps):
    """A function of maps of equal shape, compiled for some batch sizes."""
    if not batch_sizes:
        return function(*maps)
    shape = tf.shape(maps[0])

    def compiled():
        # Flat: maps of as many values have one program.
        flat = [tf.reshape(x, [-1]) for x in maps]
        return tf.reshape(_compiled(function)(*flat), shape)

    return tf.cond(
        tf.reduce_any(tf.equal(shape[0], tf.constant(batch_sizes))),
        compiled,
        lambda: function(*maps),
    )


@functools.cache
def _compiled(function):
    return tf.function(function, jit_compile=True, reduce_retracing=True)


@functools.cache
def _is_compiled_here():
    """Whether the devices are one CPU, and TensorFlow has XLA for it."""
    if len(tf.config.list_logical_devices()) > 1:
        return False
    try:
        _compiled(tf.identity)(0.0)
    except tf.errors.OpError:
        return False
    return True

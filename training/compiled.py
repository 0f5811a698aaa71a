"""Functions that XLA compiles for some batches.

XLA compiles a function for each size of a map, which takes longer than to
train on a few images. So it is for the whole batches of a run, and not for
what is left at the end of an epoch, which is of another size each time.
"""

import functools

import tensorflow as tf


def batch_sizes_here(batch_sizes):
    """Return those that are worth it: none where XLA is no gain.

    Args:
        batch_sizes: sequence of int.

    Returns:
        Tuple of int. Empty but on one CPU whose TensorFlow has XLA.
    """
    return tuple(batch_sizes) if _is_compiled_here() else ()


def either(function, batch_sizes, batch_size, *tensors):
    """Return `function(*tensors)`, compiled for some batch sizes.

    Args:
        function: callable of tensors that returns one or a tuple of them.
        batch_sizes: tuple of int. What it is compiled for.
        batch_size: int tensor (). Of these tensors.
        *tensors: what it takes. The fewer different shapes, the fewer programs.
    """
    if not batch_sizes:
        return function(*tensors)
    return tf.cond(
        tf.reduce_any(tf.equal(batch_size, tf.constant(batch_sizes))),
        lambda: _compiled(function)(*tensors),
        lambda: function(*tensors),
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

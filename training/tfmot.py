"""The TensorFlow Model Optimization Toolkit, kept from changing Keras."""

import functools
import os

import tensorflow as tf

from keras_mvit.quiet import quiet

_SWITCH = "TF_USE_LEGACY_KERAS"


@functools.cache
def tfmot():
    """Imports it.

    It sets the variable by which `tf.keras` becomes Keras 2, in this process
    and those that it starts. Here `tf.keras` has been loaded before, and there
    the variable is as it was.

    Returns:
        The module `tensorflow_model_optimization`.
    """
    before = os.environ.get(_SWITCH)
    try:
        with quiet():
            tf.keras.Model  # noqa: B018
            import tensorflow_model_optimization
    finally:
        os.environ.pop(_SWITCH, None)
        if before is not None:
            os.environ[_SWITCH] = before
    return tensorflow_model_optimization

"""A model as a compiled function from images to logits, on any backend."""

import keras
import numpy as np


def compile_logits(model):
    """Compiles a model's inference, once for batches of any number of images.

    Args:
        model: `keras.Model`, images to logits. Its weights are read at each
            call, so the function follows the model's training.

    Returns:
        callable: images (B, H, W, 3), an array or a tensor of tf.data, to a
        NumPy array of logits (B, classes).
    """
    compilers = {"tensorflow": _compile_tensorflow, "jax": _compile_jax}
    return compilers.get(keras.backend.backend(), _compile_keras)(model)


def _compile_tensorflow(model):
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    logits = tf.function(
        lambda images: model(images, training=False),
        input_signature=signature,
    )
    return lambda images: logits(images).numpy()


def _compile_jax(model):
    """Each process computes its own images, on its first device."""
    import jax

    logits = jax.jit(
        lambda trainable, fixed, images: model.stateless_call(
            trainable, fixed, images, training=False
        )[0]
    )
    full = 0

    def local(variables):
        return [variable.value.addressable_data(0) for variable in variables]

    def padded_logits(images):
        nonlocal full
        images = np.asarray(images)
        # A batch shorter than those before it would be compiled anew.
        full = max(full, len(images))
        padding = [(0, full - len(images))] + [(0, 0)] * 3
        result = logits(
            local(model.trainable_variables),
            local(model.non_trainable_variables),
            np.pad(images, padding),
        )
        return np.asarray(result)[: len(images)]

    return padded_logits


def _compile_keras(model):
    return lambda images: model.predict_on_batch(np.asarray(images))

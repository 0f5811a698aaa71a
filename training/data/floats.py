"""Batches of bytes to batches of floats."""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.arrays import empty
from keras_mvit.training.data.opencv import cv2


def unit_floats(images):
    """Pixels from 0 to 255 to floats from 0 to 1; floats stay as they are.

    Args:
        images: uint8 or float32 tensor (B, H, W, 3).

    Returns:
        float32 tensor (B, H, W, 3).
    """
    if images.dtype == tf.float32:
        return images
    # One pass, where a cast and a division are two.
    return tf.quantization.dequantize(
        tf.bitcast(images, tf.quint8), 0.0, 1.0, mode="MIN_COMBINED"
    )


def model_input(images, preprocessing):
    """Pixels to the model's input.

    Args:
        images: uint8 tensor (B, H, W, 3), RGB; or float32, from 0 to 1.
        preprocessing: `keras_mvit.models.Preprocessing`.

    Returns:
        float32 tensor (B, H, W, 3).
    """
    return preprocessing.normalize(unit_floats(images))


@tf.function(autograph=False, reduce_retracing=True)
def blend(images, weight):
    """Blends each image with that in its place from the batch's end.

    In one pass, where TensorFlow's operators need six.

    Args:
        images: uint8 or float32 tensor (B, H, W, 3).
        weight: float32 tensor (). Of the image itself.

    Returns:
        float32 tensor (B, H, W, 3); of bytes, from 0 to 1.
    """
    unit = 1.0 if images.dtype == tf.float32 else 255.0

    def run(images, weight):
        one, other = float(weight) / unit, (1.0 - float(weight)) / unit
        blended = empty(images.shape, np.float32)
        for image, partner, result in zip(
            images, images[::-1], blended, strict=True
        ):
            cv2.addWeighted(image, one, partner, other, 0, result, cv2.CV_32F)
        return blended

    blended = tf.numpy_function(
        run, [images, weight], tf.float32, stateful=False
    )
    return tf.ensure_shape(blended, images.shape)

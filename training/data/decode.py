"""Encoded images to pixels, by OpenCV: for a JPEG those of Pillow."""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.opencv import cv2

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
# What a camera noted about its orientation is ignored.
_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def decode(encoded):
    """Decodes an image file's bytes; the first frame of an animation.

    Grey images become RGB, CMYK is converted, transparency and the lower half
    of 16-bit precision are dropped.

    Args:
        encoded: bytes.

    Returns:
        uint8 array (H, W, 3), RGB.

    Raises:
        ValueError: the bytes are not a whole image of a known format.
    """
    # OpenCV takes emptiness for a mistake of the caller's.
    image = cv2.imdecode(np.frombuffer(encoded or b"\0", np.uint8), _FLAGS)
    if image is None:
        raise ValueError(
            "it must be a whole JPEG, PNG, GIF, BMP or WebP file, got "
            f"{len(encoded)} bytes that are not"
        )
    return image


@tf.function(autograph=False, reduce_retracing=True)
def decode_image(encoded):
    """`decode` in TensorFlow.

    Args:
        encoded: string tensor (). The file's bytes.

    Returns:
        uint8 tensor (H, W, 3), RGB.

    Raises:
        tf.errors.InvalidArgumentError: for the `ValueError` of `decode`.
    """
    image = tf.numpy_function(
        # An array of one: a scalar may come as one or as bytes.
        lambda one: decode(one[0]),
        [encoded[tf.newaxis]],
        tf.uint8,
        stateful=False,
    )
    return tf.ensure_shape(image, (None, None, 3))

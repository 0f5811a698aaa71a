"""Encoded images to pixels, by OpenCV: for a JPEG those of Pillow."""

import struct

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.opencv import cv2

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
# What a camera noted about its orientation is ignored.
_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
# A JPEG's pixels to one, each way -> what makes the decoder leave out the
# frequencies that so few pixels cannot show, whatever the colours.
REDUCTIONS = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
# Markers of JPEG that begin a frame's header.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def decode(encoded, reduction=1):
    """Decodes an image file's bytes; the first frame of an animation.

    Grey images become RGB, CMYK is converted, transparency and the lower half
    of 16-bit precision are dropped.

    Args:
        encoded: bytes.
        reduction: int, of `REDUCTIONS`. Divides height and width, which are
            rounded up. Defaults to 1.

    Returns:
        uint8 array (H, W, 3), RGB.

    Raises:
        ValueError: the bytes are not a whole image of a known format.
    """
    # OpenCV takes emptiness for a mistake of the caller's.
    image = cv2.imdecode(
        np.frombuffer(encoded or b"\0", np.uint8),
        _FLAGS | REDUCTIONS[reduction],
    )
    if image is None:
        raise ValueError(
            "it must be a whole JPEG, PNG, GIF, BMP or WebP file, got "
            f"{len(encoded)} bytes that are not"
        )
    return image


def jpeg_size(encoded):
    """Reads the size of a JPEG from its header.

    Args:
        encoded: bytes. Of any file.

    Returns:
        (int, int), height and width in pixels; None if it does not tell.
    """
    if not encoded.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(encoded) and encoded[at] == 0xFF:
        if encoded[at + 1] in _FRAMES:
            size = struct.unpack_from(">HH", encoded, at + 5)
            return size if all(size) else None
        at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]
    return None


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

"""Encoded images to pixels."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

# What `tf.io.decode_image` and, for BMP, Pillow read.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp") + (
    (".webp",) if hasattr(tf.io, "decode_webp") else ()
)


def decode_image(encoded):
    """Decodes an image file's bytes; the first frame of an animation.

    Grey images become RGB, CMYK is converted, transparency and the upper half
    of 16-bit precision are dropped.

    Args:
        encoded: string tensor (). The file's bytes.

    Returns:
        uint8 tensor (H, W, 3), RGB.

    Raises:
        tf.errors.InvalidArgumentError: when run, if the bytes are not a whole
            image of a known format.
    """
    image = tf.cond(
        tf.strings.substr(encoded, 0, 2) == b"BM",
        lambda: tf.py_function(_decode_bmp, [encoded], tf.uint8),
        lambda: tf.io.decode_image(
            encoded, channels=3, expand_animations=False
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _decode_bmp(encoded):
    # TensorFlow reads a palette's indices as if they were shades of grey.
    with Image.open(io.BytesIO(encoded.numpy())) as image:
        return np.asarray(image.convert("RGB"))

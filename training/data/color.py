"""Operations on the colours of a batch of images, as Pillow defines them.

All take and give uint8 (B, H, W, 3), with one number for each image, and B may
be 0. They give Pillow's values exactly, and are written in the operations that
TensorFlow has vectorized: arithmetic on float32, no selection by masks, no
broadcasting along the three channels.
"""

import numpy as np
import tensorflow as tf

_LUMA = (19595.0, 38470.0, 7471.0)  # Pillow's weights of R, G, B, times 2^16
_F64 = tf.float64
_BORDER = ((0, 0), (1, 1), (1, 1), (0, 0))


def brightness(images, factor):
    """Scales all values; 1 changes nothing."""
    return _to_uint8(_float(images) * _each(factor))


def contrast(images, factor):
    """Scales the distance from the image's mean grey; 1 changes nothing."""
    mean = tf.reduce_mean(_grey(images, 1), axis=(1, 2, 3), keepdims=True)
    return _blend(tf.floor(mean + 0.5), images, factor)


def saturation(images, factor):
    """Scales the distance from each pixel's grey; 1 changes nothing."""
    return _blend(_grey(images, 3), images, factor)


def sharpness(images, factor):
    """Scales the distance from a smoothed image; 1 changes nothing."""
    kernel = np.ones((3, 3, 3, 1), np.float32)
    kernel[1, 1] = 5.0
    x = _float(images)
    smooth = tf.nn.depthwise_conv2d(x, kernel / 13.0, [1, 1, 1, 1], "SAME")
    difference = tf.floor(smooth + 0.5) - x
    # The border is not smoothed.
    difference = tf.pad(difference[:, 1:-1, 1:-1], _BORDER)
    return _blend(x + difference, images, factor)


def posterize(images, bits):
    """Keeps the highest bits of each value; 8 changes nothing."""
    mask = tf.bitwise.left_shift(255, 8 - tf.cast(_each(bits), tf.int32))
    return tf.bitwise.bitwise_and(images, tf.cast(mask & 255, tf.uint8))


def solarize(images, threshold):
    """Inverts the values from a threshold up; 256 changes nothing."""
    x = _float(images)
    # 1 for the values from the threshold up, else 0.
    chosen = tf.clip_by_value(x + (1.0 - tf.math.ceil(_each(threshold))), 0, 1)
    return tf.cast(x + chosen * (255.0 - 2.0 * x), tf.uint8)


def solarize_add(images, addend):
    """Adds to the values below 128; 0 changes nothing."""
    x = _float(images)
    chosen = tf.clip_by_value(128.0 - x, 0.0, 1.0)
    return _to_uint8(x + chosen * _each(addend))


def invert(images, _):
    """Inverts all values; its number has no meaning."""
    return tf.bitwise.invert(images)


def autocontrast(images, _):
    """Stretches each channel to the whole range; its number has no meaning."""
    shape = tf.shape(images)
    rows = _rows(images)  # (B, H, 3 W)
    low, high = (
        tf.cast(reduce(tf.reshape(reduce(rows, 1), (-1, shape[2], 3)), 1), _F64)
        for reduce in (tf.reduce_min, tf.reduce_max)
    )
    # In Pillow's order and precision; (B, 3).
    scale = tf.where(high > low, 255.0 / tf.maximum(high - low, 1.0), 1.0)
    offset = tf.where(high > low, -low * scale, 0.0)
    scale, offset = (
        tf.tile(x, (1, shape[2]))[:, None] for x in (scale, offset)
    )  # (B, 1, 3 W)
    stretched = tf.cast(rows, _F64) * scale + offset
    return tf.reshape(tf.cast(stretched, tf.uint8), shape)  # truncates


def equalize(images, _):
    """Flattens each channel's histogram; its number has no meaning."""
    batch = tf.shape(images)[0]
    counts = tf.math.bincount(
        tf.reshape(_table_rows(images), [-1]),
        minlength=768 * batch,
        maxlength=768 * batch,
    )
    counts = tf.reshape(counts, (batch, 3, 256))
    total = tf.cumsum(counts, axis=-1)
    last = tf.reduce_max(tf.where(counts > 0, tf.range(256), 0), -1)
    last = tf.gather(counts, last, batch_dims=2)[..., None]
    step = (total[..., -1:] - last) // 255
    safe = tf.maximum(step, 1)
    table = (safe // 2 + total - counts) // safe
    return _look_up(images, tf.where(step > 0, table, tf.range(256)))


def _each(numbers):
    return tf.reshape(numbers, (-1, 1, 1, 1))


def _float(images):
    return tf.cast(images, tf.float32)


def _to_uint8(x):
    return tf.cast(tf.clip_by_value(x, 0.0, 255.0), tf.uint8)  # truncates


def _blend(start, images, factor):
    return _to_uint8(start + _each(factor) * (_float(images) - start))


def _grey(images, channels):
    # Whole numbers below 2^24, so float32 is exact whatever the order.
    shape = tf.shape(images)
    weights = tf.tile(tf.constant(_LUMA)[:, None], (1, channels))
    luma = tf.reshape(_float(images), (-1, 3)) @ weights
    luma = tf.floor((luma + 2.0**15) * 2.0**-16)
    return tf.reshape(luma, (shape[0], shape[1], shape[2], channels))


def _rows(images):
    shape = tf.shape(images)
    return tf.reshape(images, (shape[0], shape[1], 3 * shape[2]))


def _table_rows(images):
    # Where each value's entry lies in tables of shape (B, 3, 256), flat.
    shape = tf.shape(images)
    channel = 256 * tf.tile(tf.range(3), shape[2:3])  # (3 W,)
    image = 768 * tf.range(shape[0])[:, None, None]
    return tf.cast(_rows(images), tf.int32) + (channel + image)


def _look_up(images, tables):
    tables = tf.cast(tf.clip_by_value(tables, 0, 255), tf.uint8)
    values = tf.gather(tf.reshape(tables, [-1]), _table_rows(images))
    return tf.reshape(values, tf.shape(images))

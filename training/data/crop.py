"""The random crop of training images, and no more of a JPEG than it needs."""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.decode import (
    decode_image,
    decode_jpeg_window,
    is_whole_jpeg,
)
from keras_mvit.training.data.draws import uniforms

_TRIES = 10  # torchvision's; then a centre crop


def crop_draws(seeds, augmentation):
    """Draws the crops of many images, whatever their sizes.

    Args:
        seeds: int32 tensor (B, 2).
        augmentation: `Augmentation`.

    Returns:
        dict of what `random_crop` takes for each image: float32 tensors
        `crop_sides` (B, 2, tries), height and width over the square root of
        the image's area, and `crop_corners` (B, 2, tries + 1), in [0, 1).
    """
    draws = uniforms(seeds, 4 * _TRIES, "crop")
    draws = tf.reshape(draws, (-1, 4, _TRIES))
    low, high = augmentation.crop_scale
    side = tf.sqrt(low + (high - low) * draws[:, :1])  # (B, 1, tries)
    low, high = np.log(augmentation.crop_ratio) / 2
    ratio = tf.exp(low + (high - low) * draws[:, 1:2])  # root of width / height
    # The corner of the centre crop, which may round down.
    middle = tf.fill((tf.shape(seeds)[0], 2, 1), 0.5 - 2.0**-20)
    return {
        "crop_sides": tf.concat([side / ratio, side * ratio], axis=1),
        "crop_corners": tf.concat([draws[:, 2:], middle], axis=2),
    }


def random_crop(image, draw, augmentation):
    """Cuts out a random part of an image.

    Args:
        image: uint8 tensor (H, W, 3), or string tensor () of a file's bytes.
        draw: dict of this image's tensors, from `crop_draws`.
        augmentation: `Augmentation`.

    Returns:
        uint8 tensor (height, width, 3).
    """

    def cut(pixels):
        box = random_crop_box(tf.shape(pixels), draw, augmentation)
        begin, size = box[:2], box[2:]
        return tf.slice(
            pixels, tf.concat([begin, [0]], 0), tf.concat([size, [-1]], 0)
        )

    def decode_and_cut():
        shape = tf.io.extract_jpeg_shape(image)
        box = random_crop_box(shape, draw, augmentation)
        return decode_jpeg_window(image, shape, box)

    if image.dtype != tf.string:
        return cut(image)
    return tf.cond(
        is_whole_jpeg(image), decode_and_cut, lambda: cut(decode_image(image))
    )


def random_crop_box(shape, draw, augmentation):
    """The box of Inception's random resized crop, by torchvision's algorithm.

    Szegedy et al., 2014 (https://arxiv.org/abs/1409.4842), section 6: area
    uniform, logarithm of the aspect ratio uniform. The first of ten tries that
    fits the image counts; if none fits, the largest centre crop whose aspect
    ratio is allowed.

    Args:
        shape: int32 tensor (3,). Height and width of the image first.
        draw: dict of this image's tensors, from `crop_draws`.
        augmentation: `Augmentation`.

    Returns:
        int32 tensor (4,): top, left, height, width.
    """
    # Few operations: here each costs more than what it computes.
    size = tf.cast(tf.reshape(shape[:2], (2, 1)), tf.float32)
    tries = tf.sqrt(tf.reduce_prod(size)) * draw["crop_sides"]
    low, high = augmentation.crop_ratio
    # The largest box of the allowed ratios, which always fits, as the last.
    largest = tf.minimum(size, size[::-1] * [[1 / low], [high]])
    boxes = tf.maximum(tf.round(tf.concat([tries, largest], axis=1)), 1.0)
    room = size - boxes
    first = tf.argmax(tf.reduce_min(room, axis=0) >= 0.0)
    chosen = tf.concat([boxes, room, draw["crop_corners"]], axis=0)[:, first]
    box, room, corner = chosen[:2], chosen[2:4], chosen[4:]
    # float32 may round up to the next corner
    corner = tf.minimum(tf.floor(corner * (room + 1.0)), room)
    return tf.cast(tf.concat([corner, box], axis=0), tf.int32)

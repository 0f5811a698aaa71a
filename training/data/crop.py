"""The random crop of training images, and no more of a JPEG than it needs."""

import math

import tensorflow as tf

from keras_mvit.training.data.decode import (
    decode_image,
    decode_jpeg_window,
    is_whole_jpeg,
)

_TRIES = 10  # torchvision's; then a centre crop


def random_crop(image, seed, augmentation):
    """Cuts out a random part of an image.

    Args:
        image: uint8 tensor (H, W, 3), or string tensor () of a file's bytes.
        seed: int32 tensor (2,).
        augmentation: `Augmentation`.

    Returns:
        uint8 tensor (height, width, 3).
    """

    def cut(pixels):
        box = random_crop_box(tf.shape(pixels), seed, augmentation)
        begin, size = box[:2], box[2:]
        return tf.slice(
            pixels, tf.concat([begin, [0]], 0), tf.concat([size, [-1]], 0)
        )

    def decode_and_cut():
        shape = tf.io.extract_jpeg_shape(image)
        box = random_crop_box(shape, seed, augmentation)
        return decode_jpeg_window(image, box)

    if image.dtype != tf.string:
        return cut(image)
    return tf.cond(
        is_whole_jpeg(image), decode_and_cut, lambda: cut(decode_image(image))
    )


def random_crop_box(shape, seed, augmentation):
    """The box of Inception's random resized crop, by torchvision's algorithm.

    Szegedy et al., 2014 (https://arxiv.org/abs/1409.4842), section 6: area
    uniform, logarithm of the aspect ratio uniform. The first of ten tries that
    fits the image counts; if none fits, the largest centre crop whose aspect
    ratio is allowed.

    Args:
        shape: int32 tensor (3,) or (2,). Height and width of the image first.
        seed: int32 tensor (2,).
        augmentation: `Augmentation`.

    Returns:
        int32 tensor (4,): top, left, height, width.
    """
    size = tf.cast(shape[:2], tf.float32)
    low, span, fallback_ratio = _ranges(augmentation)
    draws = low + span * tf.random.stateless_uniform((4, _TRIES), seed)
    side = tf.sqrt(draws[0] * tf.reduce_prod(size))
    # Half the logarithm of width / height, once each way: (2, tries).
    boxes = tf.round(side * tf.exp([[-1.0], [1.0]] * draws[1]))
    boxes = tf.maximum(boxes, 1.0)
    room = size[:, tf.newaxis] - boxes
    fits = tf.reduce_all(room >= 0.0, axis=0)
    first = tf.argmax(fits)  # the first of the largest
    # The largest box of the allowed ratios, at the centre.
    centre = tf.round(tf.minimum(size, size[::-1] * fallback_ratio))
    box = tf.where(fits[first], boxes[:, first], centre)
    room = size - box
    corner = tf.where(
        fits[first],
        # float32 may round up to the next corner
        tf.minimum(tf.floor(draws[2:, first] * (room + 1.0)), room),
        tf.floor(room / 2),
    )
    return tf.cast(tf.concat([corner, box], axis=0), tf.int32)


def _ranges(augmentation):
    """Lower ends and lengths (4, 1) of what is drawn, and ratios (2,)."""
    scale, ratio = augmentation.crop_scale, augmentation.crop_ratio
    ends = [
        scale,
        [math.log(ratio[0]) / 2, math.log(ratio[1]) / 2],
        [0.0, 1.0],
        [0.0, 1.0],
    ]
    low = [[first] for first, _ in ends]
    span = [[last - first] for first, last in ends]
    return tf.constant(low), tf.constant(span), [1 / ratio[0], ratio[1]]

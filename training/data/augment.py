"""One image to the model's input size: the training and evaluation paths.

Both paths give uint8, as the libraries the papers used did, and the batch is
scaled to floats when it is full: a quarter of the bytes to copy until then.
"""

import math

import tensorflow as tf

_TRIES = 10  # torchvision's; then a centre crop.


def augment(image, size_px, seed, augmentation, interpolation="bilinear"):
    """A random crop of an image, resized and perhaps mirrored.

    Args:
        image: uint8 tensor (H, W, C).
        size_px: int32 tensor (). Height and width of the result.
        seed: int32 tensor (2,). All of the randomness.
        augmentation: `Augmentation`.
        interpolation: str. `"bilinear"` or `"bicubic"`, antialiased.

    Returns:
        uint8 tensor (size_px, size_px, C).
    """
    crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    box = random_crop_box(tf.shape(image), crop_seed, augmentation)
    image = tf.image.crop_to_bounding_box(image, *tf.unstack(box))
    image = resize(image, tf.stack([size_px, size_px]), interpolation)
    if augmentation.horizontal_flip:
        mirrored = tf.random.stateless_uniform((), flip_seed) < 0.5
        # A slice with a negative step would take ten times as long.
        image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
    return image


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
    low, high = augmentation.crop_ratio
    draws = tf.random.stateless_uniform((4, _TRIES), seed)  # (4, tries)
    area = _between(draws[0], *augmentation.crop_scale) * size[0] * size[1]
    ratio = tf.exp(_between(draws[1], math.log(low), math.log(high)))
    boxes = tf.round(tf.sqrt(tf.stack([area / ratio, area * ratio], axis=1)))
    boxes = tf.maximum(boxes, 1.0)  # (tries, 2): heights, widths
    room = size - boxes + 1.0  # top-left corners that fit
    corners = tf.floor(tf.transpose(draws[2:]) * room)
    corners = tf.minimum(corners, room - 1.0)  # float32 may round up to room
    fits = tf.reduce_all(room >= 1.0, axis=1)
    first = tf.argmax(fits)  # the first of the largest
    centre = tf.round(
        tf.stack(
            [
                tf.minimum(size[0], size[1] / low),
                tf.minimum(size[1], size[0] * high),
            ]
        )
    )
    fallback = tf.concat([tf.floor((size - centre) / 2), centre], axis=0)
    chosen = tf.concat([corners[first], boxes[first]], axis=0)
    return tf.cast(tf.where(tf.reduce_any(fits), chosen, fallback), tf.int32)


def resize_and_centre_crop(image, size_px, crop_fraction, interpolation):
    """The evaluation path: nothing random, aspect ratio kept.

    Args:
        image: uint8 tensor (H, W, C).
        size_px: (int, int). Height and width of the result.
        crop_fraction: float. The short side is resized to the size divided by
            this, then the centre is cut out.
        interpolation: str. `"bilinear"` or `"bicubic"`, antialiased.

    Returns:
        uint8 tensor (height, width, C).
    """
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    target = tf.round(tf.cast(size_px, tf.float32) / crop_fraction)
    # For a square target: its side over the image's short side.
    scale = tf.reduce_max(target / shape)
    resized = tf.maximum(tf.round(shape * scale), tf.cast(size_px, tf.float32))
    resized = tf.cast(resized, tf.int32)
    image = resize(image, resized, interpolation)
    top, left = tf.unstack((resized - tf.constant(size_px)) // 2)
    return tf.image.crop_to_bounding_box(image, top, left, *size_px)


def resize(image, size_px, interpolation):
    """Resizes as Pillow does: antialiased, and back to uint8.

    Args:
        image: uint8 tensor (H, W, C).
        size_px: int32 tensor (2,). New height and width.
        interpolation: str. `"bilinear"` or `"bicubic"`.

    Returns:
        uint8 tensor (height, width, C).
    """
    image = tf.image.resize(image, size_px, interpolation, antialias=True)
    # Bicubic weights overshoot.
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)


def _between(uniform, low, high):
    return low + uniform * (high - low)

"""One image to the model's input size: the training and evaluation paths.

Both paths give uint8, as the libraries the papers used did, and the batch is
scaled to floats when it is full: a quarter of the bytes to copy until then.
"""

import tensorflow as tf

from keras_mvit.training.data.crop import crop_draws, random_crop
from keras_mvit.training.data.draws import uniforms
from keras_mvit.training.data.resize import resize, resize_fast


def augment_draws(seeds, augmentation):
    """All of the randomness of many images' crops and flips.

    Args:
        seeds: int32 tensor (B, 2).
        augmentation: `Augmentation`.

    Returns:
        dict of what `augment` takes for each image.
    """
    mirrored = uniforms(seeds, 1, "flip")[:, 0] < 0.5
    return {**crop_draws(seeds, augmentation), "mirrored": mirrored}


def augment(image, size_px, draw, augmentation, interpolation="bilinear"):
    """A random crop of an image, resized and perhaps mirrored.

    Args:
        image: uint8 tensor (H, W, 3), or string tensor () of a file's bytes,
            of which no more is decoded than needed.
        size_px: int32 tensor (). Height and width of the result.
        draw: dict of this image's tensors, from `augment_draws`.
        augmentation: `Augmentation`.
        interpolation: str. `"bilinear"` or `"bicubic"`, as of `resize_fast`.

    Returns:
        uint8 tensor (size_px, size_px, 3).
    """
    image = random_crop(image, draw, augmentation)
    image = resize_fast(image, tf.stack([size_px, size_px]), interpolation)
    if augmentation.horizontal_flip:
        # A slice with a negative step would take ten times as long.
        image = tf.cond(
            draw["mirrored"],
            lambda: tf.reverse(image, [1]),
            lambda: image,
        )
    return image


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

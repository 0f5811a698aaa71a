"""The random crop of training images, and what cuts it out."""

import math

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.draws import uniforms

_TRIES = 10  # torchvision's; then a centre crop
_MIDDLE = 0.5 - 2.0**-20  # half of an odd number of pixels rounds down


def crop_draws(seeds, augmentation):
    """Draws the crops of many images, whatever their sizes.

    Args:
        seeds: int32 tensor (B, 2).
        augmentation: `Augmentation`.

    Returns:
        dict of what `random_crop_box` takes for each image: float32 tensor
        `crops` (B, tries, 4): height and width over the square root of the
        image's area; top and left, in [0, 1).
    """
    draws = uniforms(seeds, 4 * _TRIES, "crop")
    draws = tf.reshape(draws, (-1, 4, _TRIES))
    low, high = augmentation.crop_scale
    side = tf.sqrt(low + (high - low) * draws[:, 0])  # (B, tries)
    low, high = np.log(augmentation.crop_ratio) / 2
    ratio = tf.exp(low + (high - low) * draws[:, 1])  # root of width / height
    tries = (side / ratio, side * ratio, draws[:, 2], draws[:, 3])
    return {"crops": tf.stack(tries, axis=-1)}


def random_crop_box(height, width, draw, augmentation):
    """The box of Inception's random resized crop, by torchvision's algorithm.

    Szegedy et al., 2014 (https://arxiv.org/abs/1409.4842), section 6: area
    uniform, logarithm of the aspect ratio uniform. The first of ten tries that
    fits the image counts; if none fits, the largest centre crop whose aspect
    ratio is allowed.

    Args:
        height: int. Of the image, in pixels.
        width: int.
        draw: dict, this image's of `crop_draws`.
        augmentation: `Augmentation`.

    Returns:
        4 ints: top, left, height, width.
    """
    root = math.sqrt(height * width)
    for crop in draw["crops"]:
        side_y, side_x, top, left = crop.tolist()
        y, x = max(1, round(root * side_y)), max(1, round(root * side_x))
        if y <= height and x <= width:
            break
    else:
        low, high = augmentation.crop_ratio
        y = max(1, round(min(height, width / low)))
        x = max(1, round(min(width, height * high)))
        top = left = _MIDDLE
    return int(top * (height - y + 1)), int(left * (width - x + 1)), y, x


def cut(image, box):
    """The part of an image in a box.

    Args:
        image: uint8 array (H, W, 3).
        box: 4 ints: top, left, height, width.

    Returns:
        uint8 array (height, width, 3), a view.
    """
    top, left, height, width = box
    return image[top : top + height, left : left + width]

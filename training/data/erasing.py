"""Random erasing (Zhong et al., 2017), https://arxiv.org/abs/1708.04896.

A rectangle of the model's 0 is painted on single images, noise on the batch.
"""

import math

import tensorflow as tf

from keras_mvit.training.data.draws import uniforms
from keras_mvit.training.data.opencv import cv2

_TRIES = 10  # torchvision's and timm's; then the image stays whole.
# Smallest and largest area, and height / width, of torchvision for "zero" and
# of timm for "pixel".
_RANGES = {
    "zero": ((0.02, 0.33), (0.3, 3.3)),
    "pixel": ((0.02, 1 / 3), (0.3, 1 / 0.3)),
}


def erase(image, box, colour):
    """Overwrites a rectangle of an image.

    Args:
        image: uint8 array (H, W, 3), changed in place.
        box: 4 ints, of `erasing_boxes`; of height 0 for none.
        colour: 3 ints.
    """
    top, left, height, width = box
    if height:
        cv2.rectangle(image, (left, top, width, height), colour, cv2.FILLED)


def erase_by_noise(images, seeds, probability):
    """Overwrites a rectangle of some images by standard normal noise.

    Args:
        images: float32 tensor (B, H, W, 3), square, as the model takes them.
        seeds: int32 tensor (B, 2).
        probability: float. That an image is erased from.

    Returns:
        The same kind of tensor. Each image depends on its own seed alone.
    """
    sizes_px = tf.fill(tf.shape(images)[:1], tf.shape(images)[1])
    boxes = erasing_boxes(seeds, sizes_px, probability, "pixel")
    rows = tf.cast(tf.where(boxes[:, 2] > 0)[:, 0], tf.int32)
    return tf.cond(
        tf.size(rows) > 0,  # no result can be stacked of no images
        lambda: _erase_rows(images, rows, boxes, seeds),
        lambda: images,
    )


def _erase_rows(images, rows, boxes, seeds):
    changed = tf.map_fn(
        lambda args: _erase_one(*args),
        tuple(tf.gather(x, rows) for x in (images, boxes, seeds)),
        fn_output_signature=tf.TensorSpec(images.shape[1:], images.dtype),
    )
    return tf.tensor_scatter_nd_update(images, rows[:, None], changed)


def erasing_boxes(seeds, sizes_px, probability, value):
    """Draws the rectangles: area uniform, logarithm of the ratio uniform.

    The first of ten tries that is smaller than the image counts.

    Args:
        seeds: int32 tensor (B, 2).
        sizes_px: int32 tensor (B,). Height and width of each image.
        probability: float.
        value: str. Whose ranges.

    Returns:
        int32 tensor (B, 4): top, left, height, width; all 0 for no rectangle.
    """
    (small, large), (flat, tall) = _RANGES[value]
    size = tf.cast(sizes_px, tf.float32)[:, None]
    draws = uniforms(seeds, 4 * _TRIES, "erasing")
    draws = tf.reshape(draws, (-1, _TRIES, 4))
    area = (small + (large - small) * draws[..., 0]) * size**2
    ratio = math.log(flat) + math.log(tall / flat) * draws[..., 1]
    ratio = tf.exp(ratio)  # height / width
    sides = tf.stack([area * ratio, area / ratio], axis=-1)
    sides = tf.round(tf.sqrt(sides))  # (B, tries, 2): heights, widths
    size = size[..., None]
    corners = tf.floor(draws[..., 2:] * (size - sides + 1.0))
    corners = tf.minimum(corners, size - sides)  # float32 may round up
    fits = tf.reduce_all((sides < size) & (sides > 0), axis=-1)
    boxes = tf.concat([corners, sides], axis=-1)  # (B, tries, 4)
    boxes = tf.gather(boxes, tf.argmax(fits, axis=1), batch_dims=1)
    chosen = uniforms(seeds, 1, "whether to erase") < probability
    chosen &= tf.reduce_any(fits, axis=1)[:, None]
    return tf.cast(tf.where(chosen, boxes, 0.0), tf.int32)


def _erase_one(image, box, seed):
    top, left, height, width = tf.unstack(box)
    # Of no other draw: crops split the same seed.
    seed = tf.random.fold_in(seed, 0xE7A5E)
    patch = tf.random.stateless_normal((height, width, 3), seed)
    middle = image[top : top + height]
    middle = tf.concat(
        [middle[:, :left], patch, middle[:, left + width :]], axis=1
    )
    return tf.concat([image[:top], middle, image[top + height :]], axis=0)

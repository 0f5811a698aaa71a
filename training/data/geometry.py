"""Operations that move the pixels of a batch of images.

All take and give uint8 (B, H, W, 3), with one number for each image, and B may
be 0. They sample bilinearly; what comes from outside the image has the colour
`fill`, 3 numbers, and so has half of the outermost pixel.
"""

import functools
import math

import tensorflow as tf


def _before_background(move):
    """Makes of a function of float32 images with a black background one of any.

    Args:
        move: function of float32 images (B, H, W, 3) and their numbers (B,).

    Returns:
        function of uint8 images (B, H, W, 3), their numbers, and the fill.
    """

    @functools.wraps(move)
    def moved(images, number, fill):
        shape = tf.shape(images)
        if not any(fill):
            x = move(tf.cast(images, tf.float32), number)
            return tf.cast(x + 0.5, tf.uint8)  # truncates
        # Along whole rows: broadcasting along three channels is slow.
        rows = (shape[0], shape[1], 3 * shape[2])
        fill = _whole_row(fill, shape[2], tf.float32)
        x = tf.cast(tf.reshape(images, rows), tf.float32) - fill
        x = move(tf.reshape(x, shape), number)
        x = tf.reshape(x, rows) + (fill + 0.5)
        return tf.reshape(tf.cast(x, tf.uint8), shape)

    return moved


@_before_background
def shear_x(images, slope):
    """Moves each row by its distance from the top edge times a slope."""
    shape = tf.shape(images)
    batch, height, width = shape[0], shape[1], shape[2]
    # An empty column on either side, for rounding not to cross the edge.
    x = tf.pad(images, [[0, 0], [0, 0], [1, 1], [0, 0]])
    x = tf.reshape(x, (-1, 1, width + 2, 3))
    shift = slope[:, None] * (tf.range(height, dtype=tf.float32) + 0.5)
    left = tf.reshape(shift, [-1]) + 1.0  # (B H,)
    right = left + tf.cast(width - 1, tf.float32)
    # Every row is an image of its own: four times as fast as a projection.
    last = tf.cast(width + 1, tf.float32)
    zero = tf.zeros_like(left)
    x = tf.raw_ops.CropAndResize(
        image=x,
        boxes=tf.stack([zero, left / last, zero, right / last], axis=1),
        box_ind=tf.range(batch * height),
        crop_size=tf.stack([1, width]),
    )
    return tf.reshape(x, shape)


def shear_y(images, slope, fill):
    """Moves each column by its distance from the left edge times a slope."""
    return _transpose(shear_x(_transpose(images), slope, fill))


def translate_x(images, fraction, fill):
    """Moves images by so much of their width, in whole pixels."""
    return _transpose(translate_y(_transpose(images), fraction, fill))


def translate_y(images, fraction, fill):
    """Moves images by so much of their height, in whole pixels."""
    shape = tf.shape(images)
    batch, height, width = shape[0], shape[1], shape[2]
    pixels = fraction * tf.cast(height, tf.float32)
    # Row 0 is background; the rows of the images follow.
    background = _whole_row(fill, width, tf.uint8)[None]
    rows = tf.concat([background, tf.reshape(images, (-1, 3 * width))], axis=0)
    source = tf.range(height) - tf.cast(pixels, tf.int32)[:, None]  # (B, H)
    inside = (source >= 0) & (source < height)
    first = 1 + height * tf.range(batch)[:, None]
    source = tf.where(inside, first + source, 0)
    return tf.reshape(tf.gather(rows, source), shape)


@_before_background
def rotate(images, degrees):
    """Turns images around their centre."""
    shape = tf.shape(images)
    angle = degrees * (math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    centre_x = tf.cast(shape[2] - 1, tf.float32) / 2.0
    centre_y = tf.cast(shape[1] - 1, tf.float32) / 2.0
    zero = tf.zeros_like(angle)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(
            [
                *(cos, -sin, centre_x - cos * centre_x + sin * centre_y),
                *(sin, cos, centre_y - sin * centre_x - cos * centre_y),
                *(zero, zero),
            ],
            axis=1,
        ),
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
    )


def _transpose(images):
    return tf.transpose(images, (0, 2, 1, 3))


def _whole_row(fill, width, dtype):
    return tf.tile(tf.constant(fill, dtype), [width])  # (3 W,)

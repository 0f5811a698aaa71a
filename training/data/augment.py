"""One image to the model's input size: the training and evaluation paths.

Both paths give uint8, as the libraries the papers used did, and the batch is
scaled to floats when it is full: a quarter of the bytes to copy until then.
"""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.arrays import empty
from keras_mvit.training.data.crop import crop_draws, cut, random_crop_box
from keras_mvit.training.data.decode import REDUCTIONS, decode, jpeg_size
from keras_mvit.training.data.draws import of_each_image, uniforms
from keras_mvit.training.data.erasing import erase, erasing_boxes
from keras_mvit.training.data.opencv import cv2
from keras_mvit.training.data.rand_augment import distort, distortion_draws
from keras_mvit.training.data.resize import resize, resize_fast


def augment_draws(seeds, sizes_px, augmentation):
    """All of the randomness of `augment`, for many images.

    Args:
        seeds: int32 tensor (B, 2).
        sizes_px: int32 tensor (B,). Height and width of the results.
        augmentation: `Augmentation`.

    Returns:
        dict of tensors (B, ...): what `augment` takes, by `of_each_image`.
    """
    draws = {
        **crop_draws(seeds, augmentation),
        "mirrored": uniforms(seeds, 1, "flip")[:, 0] < 0.5,
        **distortion_draws(seeds, augmentation),
    }
    if augmentation.erasing_probability("zero"):
        draws["erased"] = erasing_boxes(
            seeds, sizes_px, augmentation.random_erasing, "zero"
        )
    return draws


@tf.function(autograph=False, reduce_retracing=True)
def augment_images(
    images, size_px, draws, augmentation, interpolation, mean=(0, 0, 0)
):
    """`augment` in TensorFlow: some images at once, in one call of Python.

    Args:
        images: uint8 tensor (B, H, W, 3), or string tensor (B,) of files'
            bytes.
        size_px: int32 tensor (). Height and width of the results.
        draws: dict of tensors (B, ...), from `augment_draws`.
        augmentation: `Augmentation`.
        interpolation: str.
        mean: 3 ints.

    Returns:
        uint8 tensor (B, size_px, size_px, 3).
    """
    names = list(draws)

    def run(images, size_px, *columns):
        batch = empty((len(images), size_px, size_px, 3), np.uint8)
        drawn = of_each_image(dict(zip(names, columns, strict=True)))
        # All crops first: threads that make many short calls, as `_change`
        # does, wait for each other's Python, and so they rarely do so at once.
        for image, draw, crop in zip(images, drawn, batch, strict=True):
            _random_crop(image, draw, augmentation, interpolation, crop)
        for draw, crop in zip(drawn, batch, strict=True):
            changed = _change(crop, draw, augmentation, mean)
            if changed is not crop:
                crop[:] = changed
        return batch

    batch = tf.numpy_function(
        run, [images, size_px, *draws.values()], tf.uint8, stateful=False
    )
    return tf.ensure_shape(batch, (None, None, None, 3))


def augment(image, size_px, draw, augmentation, interpolation, mean=(0, 0, 0)):
    """A random crop of an image, resized, mirrored, distorted, erased from.

    Args:
        image: uint8 array (H, W, 3), or bytes of a file.
        size_px: int. Height and width of the result.
        draw: dict, this image's of `augment_draws`.
        augmentation: `Augmentation`.
        interpolation: str. `"bilinear"` or `"bicubic"`, as of `resize_fast`.
        mean: 3 ints, from 0 to 255. The model's mean colour, R, G, B, which
            becomes its 0.

    Returns:
        uint8 array (size_px, size_px, 3).
    """
    crop = np.empty((size_px, size_px, 3), np.uint8)
    _random_crop(image, draw, augmentation, interpolation, crop)
    return _change(crop, draw, augmentation, mean)


def _random_crop(image, draw, augmentation, interpolation, crop):
    """The first part of `augment`; `crop` gets its result."""
    size_px = crop.shape[:2]
    if isinstance(image, bytes):
        image, box = _decode(image, size_px[0], draw, augmentation)
    else:
        box = random_crop_box(*image.shape[:2], draw, augmentation)
    resize_fast(cut(image, box), size_px, interpolation, crop)


def _change(image, draw, augmentation, mean):
    """The rest of it; may change the image in place, or return another."""
    if augmentation.horizontal_flip and draw["mirrored"]:
        cv2.flip(image, 1, image)
    image = distort(image, draw, augmentation, mean)
    if "erased" in draw:
        erase(image, draw["erased"], mean)
    return image


def _decode(encoded, size_px, draw, augmentation):
    """Pixels, and the box of them to crop: a JPEG's no larger than needed."""
    size = jpeg_size(encoded)
    if size is None:
        image = decode(encoded)
        return image, random_crop_box(*image.shape[:2], draw, augmentation)
    box = random_crop_box(*size, draw, augmentation)
    most = max(1, min(box[2:]) // size_px)
    reduction = max(x for x in REDUCTIONS if x <= most)
    return decode(encoded, reduction), [x // reduction for x in box]


@tf.function(autograph=False, reduce_retracing=True)
def evaluation_image(image, size_px, crop_fraction, interpolation):
    """`resize_and_centre_crop` in TensorFlow.

    Args:
        image: uint8 tensor (H, W, 3), or string tensor () of a file's bytes.
        size_px: (int, int).
        crop_fraction: float.
        interpolation: str.

    Returns:
        uint8 tensor (height, width, 3).
    """

    def run(images):  # of one: a string might come as an array or as bytes
        image = images[0]
        if isinstance(image, bytes):
            image = decode(image)
        return resize_and_centre_crop(
            image, size_px, crop_fraction, interpolation
        )

    image = tf.numpy_function(
        run, [image[tf.newaxis]], tf.uint8, stateful=False
    )
    return tf.ensure_shape(image, (*size_px, 3))


def resize_and_centre_crop(image, size_px, crop_fraction, interpolation):
    """The evaluation path: nothing random, aspect ratio kept.

    Args:
        image: uint8 array (H, W, 3).
        size_px: (int, int). Height and width of the result.
        crop_fraction: float. The short side is resized to the size divided by
            this, then the centre is cut out.
        interpolation: str. `"bilinear"` or `"bicubic"`, antialiased.

    Returns:
        uint8 array (height, width, 3).
    """
    shape, size = np.array(image.shape[:2]), np.array(size_px)
    target = np.round(size / crop_fraction)
    # For a square target: its side over the image's short side.
    scale = (target / shape).max()
    resized = np.maximum(np.round(shape * scale).astype(int), size)
    image = resize(image, resized.tolist(), interpolation)
    return cut(image, (*(resized - size) // 2, *size))

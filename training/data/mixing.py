"""MixUp and CutMix: each image of a batch mixed with another, and its label."""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.arrays import empty
from keras_mvit.training.data.floats import blend, unit_floats


def mix_draws(order, steps, augmentation):
    """All of the randomness of `mix`, for all steps of an epoch.

    `keras.layers.MixUp` and `CutMix` draw from a generator whose state no
    resumed run can restore.

    Args:
        order: sequence of int. The epoch's.
        steps: int.
        augmentation: `Augmentation`.

    Returns:
        dict of arrays (steps, ...): what `mix` takes for each batch. A step's
        are the same in all processes, and however many steps follow.
    """
    uniform, beta = (np.random.default_rng([*order, x]) for x in range(2))
    draws = uniform.random((steps, 4), np.float32)
    wanted, choice, centre = draws[:, 0], draws[:, 1], draws[:, 2:]
    share = augmentation.cutmix_probability if augmentation.mixup_alpha else 1
    cut = (choice < share) & (augmentation.cutmix_alpha > 0)
    alphas = np.where(cut, augmentation.cutmix_alpha, augmentation.mixup_alpha)
    mixed = (wanted < augmentation.mix_probability) & (alphas > 0)
    weights = np.ones(steps, np.float32)
    weights[mixed] = beta.beta(alphas[mixed], alphas[mixed])
    return {"mixed": mixed, "cut": cut, "weight": weights, "centre": centre}


def mix(images, labels, draw):
    """Mixes a batch by MixUp (Zhang et al., 2018) or CutMix (Yun et al., 2019).

    https://arxiv.org/abs/1710.09412 and https://arxiv.org/abs/1905.04899. One
    of the two, and one weight, for the whole batch, as in timm and ml-cvnets;
    an image's partner is that in its place from the batch's end, as in timm.
    A process that sees a share of a batch finds partners within it.

    Args:
        images: uint8 or float32 tensor (B, H, W, 3).
        labels: float32 tensor (B, classes), one-hot.
        draw: dict of tensors, this batch's of `mix_draws`.

    Returns:
        float32 tensors of the same shapes. Bytes become floats from 0 to 1;
        labels still sum to 1.
    """
    weight = draw["weight"]
    return tf.cond(
        draw["mixed"],
        lambda: tf.cond(
            draw["cut"],
            lambda: _cutmix(images, labels, weight, draw["centre"]),
            lambda: _mixup(images, labels, weight),
        ),
        lambda: (unit_floats(images), labels),
    )


def cutmix_box(size_px, weight, centre):
    """The rectangle that comes from the partner.

    Args:
        size_px: int32 tensor (2,). Height and width of the images.
        weight: float32 tensor (). Share of the image that stays, were the
            whole rectangle inside.
        centre: float32 tensor (2,), in [0, 1). Of the rectangle: y, x.

    Returns:
        int32 tensor (2,), its top and left; int32 tensor (2,), its bottom and
        right, exclusive. Clipped to the image.
    """
    size = tf.cast(size_px, tf.float32)
    sides = tf.floor(size * tf.sqrt(1.0 - weight))
    centre = tf.floor(centre * size)
    start = centre - tf.floor(sides / 2.0)
    end = start + sides
    return (
        tf.cast(tf.clip_by_value(start, 0.0, size), tf.int32),
        tf.cast(tf.clip_by_value(end, 0.0, size), tf.int32),
    )


def _blend_labels(labels, weight):
    return weight * labels + (1.0 - weight) * labels[::-1]


def _mixup(images, labels, weight):
    return blend(images, weight), _blend_labels(labels, weight)


def _cutmix(images, labels, weight, centre):
    size = tf.shape(images)[1:3]
    start, end = cutmix_box(size, weight, centre)
    mixed = _paste_partners(images, start, end)
    # Of what was cut in fact: the rectangle may have been clipped.
    cut = tf.reduce_prod(end - start) / tf.reduce_prod(size)
    labels = _blend_labels(labels, 1.0 - tf.cast(cut, tf.float32))
    return unit_floats(mixed), labels


@tf.function(autograph=False, reduce_retracing=True)
def _paste_partners(images, start, end):
    """Images with a rectangle of their partners, by copying what is needed."""

    def run(images, start, end):
        (top, left), (bottom, right) = start, end
        mixed = empty(images.shape, images.dtype)
        mixed[:] = images
        inside = np.s_[:, top:bottom, left:right]
        mixed[inside] = images[::-1][inside]
        return mixed

    mixed = tf.numpy_function(
        run, [images, start, end], images.dtype, stateful=False
    )
    return tf.ensure_shape(mixed, images.shape)

"""RandAugment and colour jitter on a batch of images."""

import tensorflow as tf

from keras_mvit.training.data import color, geometry
from keras_mvit.training.data.draws import normals, uniforms

_ROUNDINGS = {
    "none": tf.identity,
    "nearest": tf.round,
    "zero": lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32),
}
_JITTERS = (color.brightness, color.contrast, color.saturation)


def distort(images, seeds, augmentation, mean=(0.0, 0.0, 0.0)):
    """RandAugment, then colour jitter, as far as they are on.

    Args:
        images: uint8 tensor (B, H, W, 3).
        seeds: int32 tensor (B, 2).
        augmentation: `Augmentation`.
        mean: 3 floats in [0, 1]. The model's mean colour, R, G, B.

    Returns:
        uint8 tensor (B, H, W, 3). Each image depends on its own seed alone.
    """
    if augmentation.rand_augment_ops:
        images = rand_augment(images, seeds, augmentation, mean)
    if augmentation.color_jitter:
        images = color_jitter(images, seeds, augmentation.color_jitter)
    return images


def rand_augment(images, seeds, augmentation, mean=(0.0, 0.0, 0.0)):
    """Applies operations drawn for each image (Cubuk et al., 2020).

    Of each operation's images a batch is made, so that the work is that of the
    operations drawn and no more.

    Differs from timm: pixels are moved bilinearly and by whole numbers of
    them, where timm can be told to do so bicubically.

    `keras.layers.RandAugment` draws for a whole batch, from a generator whose
    state no resumed run can restore, and computes all of its operations.

    Args and returns as of `distort`.
    """
    policy = augmentation.policy
    fill = [round(255 * x) if policy.fill == "mean" else 0 for x in mean]
    for slot in range(augmentation.rand_augment_ops):
        chosen, levels, signs = draw_operations(seeds, slot, augmentation)
        images = _apply(images, policy.operations, chosen, levels, signs, fill)
    return images


def draw_operations(seeds, slot, augmentation):
    """Draws one operation for each image.

    Args:
        seeds: int32 tensor (B, 2).
        slot: int. The how-manieth operation of the images.
        augmentation: `Augmentation`.

    Returns:
        int32 tensor (B,) of indices of the policy's operations, where one more
        means none; float32 tensors (B,) of levels, from 0 to 1, and of signs.
    """
    policy = augmentation.policy
    none = len(policy.operations)
    draws = uniforms(seeds, 3, f"rand_augment {slot}")
    chosen = tf.cast(draws[:, 0] * float(none + policy.identity), tf.int32)
    chosen = tf.where(draws[:, 1] < policy.probability, chosen, none)
    signs = tf.where(draws[:, 2] < 0.5, -1.0, 1.0)
    spread = normals(seeds, 1, f"magnitude {slot}")[:, 0]
    levels = augmentation.rand_augment_magnitude
    levels += augmentation.rand_augment_std * spread
    return chosen, tf.clip_by_value(levels / policy.max_magnitude, 0, 1), signs


def apply_operation(operation, images, levels, signs, fill=(0, 0, 0)):
    """Applies one operation of a policy to images.

    Args:
        operation: `Operation`.
        images: uint8 tensor (B, H, W, 3).
        levels: float32 tensor (B,), from 0 to 1.
        signs: float32 tensor (B,), -1 or 1.
        fill: 3 ints. Colour of what comes from outside the image.

    Returns:
        uint8 tensor (B, H, W, 3).
    """
    number = _ROUNDINGS[operation.rounding](operation.reach * levels)
    number = operation.start + (signs * number if operation.signed else number)
    if operation.moves:
        return getattr(geometry, operation.name)(images, number, fill)
    return getattr(color, operation.name)(images, number)


def color_jitter(images, seeds, strength):
    """Scales brightness, contrast and saturation by factors of each image.

    Differs from torchvision and timm: always in this order.

    Args:
        images: uint8 tensor (B, H, W, 3).
        seeds: int32 tensor (B, 2).
        strength: float. Factors are drawn from 1 less this to 1 plus this.

    Returns:
        uint8 tensor (B, H, W, 3).
    """
    draws = uniforms(seeds, len(_JITTERS), "color_jitter")
    factors = 1.0 + strength * (2.0 * draws - 1.0)
    for index, jitter in enumerate(_JITTERS):
        images = jitter(images, factors[:, index])
    return images


def _apply(images, operations, chosen, levels, signs, fill):
    rows, groups = [], []
    for index, operation in enumerate((*operations, None)):
        drew_it = tf.cast(tf.where(chosen == index)[:, 0], tf.int32)
        group = tf.gather(images, drew_it)
        if operation is not None:
            group = apply_operation(
                operation,
                group,
                tf.gather(levels, drew_it),
                tf.gather(signs, drew_it),
                fill,
            )
        rows.append(drew_it)
        groups.append(group)
    return tf.reshape(tf.dynamic_stitch(rows, groups), tf.shape(images))

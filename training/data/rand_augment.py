"""RandAugment and colour jitter on an image."""

import tensorflow as tf

from keras_mvit.training.data import color, geometry
from keras_mvit.training.data.draws import normals, uniforms

_JITTERS = (color.brightness, color.contrast, color.saturation)


def distortion_draws(seeds, augmentation):
    """All of the randomness of `distort`, for many images.

    Args:
        seeds: int32 tensor (B, 2).
        augmentation: `Augmentation`.

    Returns:
        dict of what `distort` takes for each image, as far as it is on:
        `operations`, `levels` and `signs` (B, slots), of `draw_operations`;
        `jitter` (B, 3), factors of brightness, contrast and saturation.
    """
    draws = {}
    if slots := augmentation.rand_augment_ops:
        drawn = [draw_operations(seeds, i, augmentation) for i in range(slots)]
        for index, name in enumerate(("operations", "levels", "signs")):
            draws[name] = tf.stack([slot[index] for slot in drawn], axis=1)
    if augmentation.color_jitter:
        draws["jitter"] = jitter_factors(seeds, augmentation.color_jitter)
    return draws


def distort(image, draw, augmentation, mean=(0, 0, 0)):
    """RandAugment, then colour jitter, as far as they are on.

    RandAugment (Cubuk et al., 2020) applies operations drawn for each image.
    Differs from timm: pixels are moved bilinearly and by whole numbers of
    them, where timm can be told to do so bicubically. Differs from torchvision
    and timm: colour jitter is always in the same order.

    `keras.layers.RandAugment` draws for a whole batch, from a generator whose
    state no resumed run can restore, and computes all of its operations.

    Args:
        image: uint8 array (H, W, 3).
        draw: dict, this image's of `distortion_draws`.
        augmentation: `Augmentation`.
        mean: 3 ints. Colour of what comes from outside the image, where the
            policy does not leave it black.

    Returns:
        uint8 array (H, W, 3).
    """
    if augmentation.rand_augment_ops:
        operations = augmentation.policy.operations
        fill = mean if augmentation.policy.fill == "mean" else (0, 0, 0)
        drawn = (draw[x] for x in ("operations", "levels", "signs"))
        for index, level, sign in zip(*drawn, strict=True):
            if index < len(operations):
                image = apply_operation(
                    operations[index], image, level, sign, fill
                )
    if augmentation.color_jitter:
        image = color_jitter(image, draw["jitter"])
    return image


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
    levels = tf.fill(
        tf.shape(signs), float(augmentation.rand_augment_magnitude)
    )
    if augmentation.rand_augment_std:
        spread = normals(seeds, 1, f"magnitude {slot}")[:, 0]
        levels += augmentation.rand_augment_std * spread
    return chosen, tf.clip_by_value(levels / policy.max_magnitude, 0, 1), signs


def apply_operation(operation, image, level, sign, fill=(0, 0, 0)):
    """Applies one operation of a policy to an image.

    Args:
        operation: `Operation`.
        image: uint8 array (H, W, 3).
        level: float, from 0 to 1.
        sign: float, -1 or 1.
        fill: 3 ints. Colour of what comes from outside the image.

    Returns:
        uint8 array (H, W, 3).
    """
    number = operation.number(level, sign)
    if operation.moves:
        return getattr(geometry, operation.name)(image, number, fill)
    return getattr(color, operation.name)(image, number)


def jitter_factors(seeds, strength):
    """Draws the factors of `color_jitter`.

    Args:
        seeds: int32 tensor (B, 2).
        strength: float. Factors are drawn from 1 less this to 1 plus this.

    Returns:
        float32 tensor (B, 3).
    """
    draws = uniforms(seeds, len(_JITTERS), "color_jitter")
    return 1.0 + strength * (2.0 * draws - 1.0)


def color_jitter(image, factors):
    """Scales brightness, contrast and saturation, in this order.

    Args:
        image: uint8 array (H, W, 3).
        factors: 3 floats.

    Returns:
        uint8 array (H, W, 3).
    """
    for jitter, factor in zip(_JITTERS, factors, strict=True):
        image = jitter(image, factor)
    return image

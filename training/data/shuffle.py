"""Orders and seeds that are pure functions of (seed, epoch)."""

import numpy as np
import tensorflow as tf

_WINDOW = 64  # images from one copy of an image to the next


def permutation(rows, order):
    """The rows of an epoch, shuffled.

    Args:
        rows: array.
        order: (int, int). Seed and epoch.

    Returns:
        array, a permutation of `rows`, the same for the same `order`.
    """
    return np.random.default_rng(list(order)).permutation(rows)


def hash_order(order):
    """One number for a (seed, epoch) pair, or for more numbers.

    Args:
        order: sequence of int. Seed, epoch, and perhaps a purpose.

    Returns:
        int below 2^32; that of another order is another, but for bad luck.
    """
    return int(np.random.SeedSequence(list(order)).generate_state(1)[0])


def repeat_elements(elements, repeats):
    """Repeated augmentation (Hoffer et al., 2020): copies of each image.

    https://arxiv.org/abs/1901.09335. Whoever takes as many elements as there
    were before gets the first part of the images, each `repeats` times.

    Differs from DeiT's sampler, which deals the copies to different processes:
    here they follow each other at some distance, in the same process.

    Args:
        elements: `tf.data.Dataset` of dicts of tensors.
        repeats: int.

    Returns:
        `tf.data.Dataset`.
    """
    if repeats == 1:
        return elements
    return elements.batch(_WINDOW).flat_map(
        lambda window: tf.data.Dataset.from_tensor_slices(window).repeat(
            repeats
        )
    )

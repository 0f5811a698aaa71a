"""Orders and seeds that are pure functions of (seed, epoch)."""

import numpy as np


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
    """One number for a (seed, epoch) pair.

    Args:
        order: (int, int). Seed and epoch.

    Returns:
        int below 2^32; that of another pair is another, but for bad luck.
    """
    return int(np.random.SeedSequence(list(order)).generate_state(1)[0])

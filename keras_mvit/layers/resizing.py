"""Bilinear resizing of maps whose size may be known only at run time."""

from keras import ops


def resize_bilinear(x, height, width):
    """Resize to (height, width), half-pixel centres, and only if needed.

    Args:
        x: tensor (B, H, W, C).
        height: int or scalar int tensor.
        width: int or scalar int tensor.

    Returns:
        Tensor (B, height, width, C) of x's dtype; `x` itself where the size
        is already right.
    """
    old_height, old_width = ops.shape(x)[1:3]

    def resize():
        return ops.image.resize(x, (height, width), interpolation="bilinear")

    same = (old_height == height, old_width == width)
    if all(isinstance(s, bool) for s in same):  # both sizes are known
        return x if all(same) else resize()
    return ops.cond(ops.logical_and(*same), lambda: x, resize)


def next_multiple(size, factor):
    """Smallest multiple of `factor` not below `size` (int or tensor)."""
    return (size + factor - 1) // factor * factor

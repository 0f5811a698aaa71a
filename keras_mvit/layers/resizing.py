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
    same = (old_height == height, old_width == width)
    if all(isinstance(s, bool) for s in same):  # both sizes are known
        if all(same):
            return x
        return ops.image.resize(x, (height, width), interpolation="bilinear")

    def resize():
        # `ops.image.resize` takes no sizes that are tensors.
        return _resize_axis(_resize_axis(x, height, axis=1), width, axis=2)

    return ops.cond(ops.logical_and(*same), lambda: x, resize)


def _resize_axis(x, size, axis):
    """Interpolate between the two neighbours on one of the axes 1 and 2."""
    old_size = ops.shape(x)[axis]
    scale = ops.cast(old_size, "float32") / ops.cast(size, "float32")
    position = (ops.arange(size, dtype="float32") + 0.5) * scale - 0.5
    last = ops.cast(old_size - 1, "float32")
    position = ops.clip(position, 0.0, last)
    below = ops.floor(position)
    above = ops.minimum(below + 1.0, last)
    weight = ops.cast(position - below, x.dtype)
    weight = ops.reshape(weight, (-1, 1, 1) if axis == 1 else (-1, 1))
    below = ops.take(x, ops.cast(below, "int32"), axis=axis)
    above = ops.take(x, ops.cast(above, "int32"), axis=axis)
    return below + (above - below) * weight


def next_multiple(size, factor):
    """Smallest multiple of `factor` not below `size` (int or tensor)."""
    return (size + factor - 1) // factor * factor

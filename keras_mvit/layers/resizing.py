"""Bilinear resizing of maps whose size may be known only at run time."""

from keras import ops


def resize_bilinear(x, height, width, align_corners=False):
    """Resize to (height, width), and only if needed.

    Args:
        x: tensor (B, H, W, C).
        height: int or scalar int tensor.
        width: int or scalar int tensor.
        align_corners: bool. Whether the corner pixels keep their place, as in
            MobileViTv2, or pixel centres are half a pixel in, as in MobileViT.

    Returns:
        Tensor (B, height, width, C) of x's dtype; `x` itself where the size
        is already right.
    """
    old_height, old_width = ops.shape(x)[1:3]
    same = (old_height == height, old_width == width)
    known = all(isinstance(s, bool) for s in same)
    if known and all(same):
        return x

    def resize():
        if known and not align_corners:  # one operation
            return ops.image.resize(x, (height, width), "bilinear")
        # As two small matrices: Keras's resize aligns no corners and takes no
        # sizes that are tensors.
        channels = x.shape[-1]
        rows = _weights(height, old_height, align_corners, x.dtype)
        columns = _weights(width, old_width, align_corners, x.dtype)
        y = ops.reshape(x, (-1, old_height, old_width * channels))
        y = ops.reshape(ops.matmul(rows, y), (-1, height, old_width, channels))
        return ops.matmul(columns, y)  # (B, H', W', C)

    if known:
        return resize()
    return ops.cond(ops.logical_and(*same), lambda: x, resize)


def _weights(size, old_size, align_corners, dtype):
    """Return the matrix (size, old_size) that interpolates one axis."""
    position = ops.arange(size, dtype="float32")
    last = ops.cast(old_size - 1, "float32")
    if align_corners:
        position *= last / ops.cast(ops.maximum(size - 1, 1), "float32")
    else:
        scale = ops.cast(old_size, "float32") / ops.cast(size, "float32")
        position = ops.clip((position + 0.5) * scale - 0.5, 0.0, last)
    pixels = ops.arange(old_size, dtype="float32")
    distance = ops.abs(ops.expand_dims(position, 1) - pixels)
    return ops.cast(ops.maximum(1.0 - distance, 0.0), dtype)


def next_multiple(size, factor):
    """Smallest multiple of `factor` not below `size` (int or tensor)."""
    return (size + factor - 1) // factor * factor

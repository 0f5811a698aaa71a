"""Arrays that TensorFlow takes over from Python without a copy."""

import math

import numpy as np

_ALIGNMENT = 64  # bytes; TensorFlow copies what is aligned to less


def empty(shape, dtype):
    """Returns an aligned array of anything.

    Args:
        shape: sequence of int.
        dtype: of numpy.

    Returns:
        Array of that shape.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    address, _ = memory.__array_interface__["data"]
    start = -address % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)

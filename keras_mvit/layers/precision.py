"""Where 16 bits are too few."""

import keras
from keras import ops


def at_least_float32(x):
    """Return `x`, as float32 where it has 16 bits."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.cast(x, "float32") if dtype in ("float16", "bfloat16") else x

"""The authors' initial weights, one fresh initializer a call.

Source: ml-cvnets, `conv.init: kaiming_normal`, `linear.init: trunc_normal`
with std 0.02. A fresh object each time, because an unseeded Keras initializer
repeats its values when it is shared.
"""

import keras


def conv_kernel():
    """Kaiming normal over the outputs, for a dense convolution."""
    return keras.initializers.VarianceScaling(
        2.0, "fan_out", "untruncated_normal"
    )


def depthwise_kernel():
    """Kaiming normal over the outputs, for a depthwise convolution.

    PyTorch counts all C channels as outputs; in Keras's layout (k, k, C, 1)
    the same number is called fan_in.
    """
    return keras.initializers.VarianceScaling(
        2.0, "fan_in", "untruncated_normal"
    )


def linear_kernel():
    """Normal with std 0.02, for projections.

    The authors truncate at an absolute 2.0, a hundred standard deviations:
    a plain normal.
    """
    return keras.initializers.RandomNormal(stddev=0.02)

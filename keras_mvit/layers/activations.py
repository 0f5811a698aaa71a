"""Activations that Keras has under another name."""

import keras


def exact_gelu(x):
    """Return the GELU of a tensor, by the error function.

    Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016,
    https://arxiv.org/abs/1606.08415.

    Args:
        x: tensor.

    Returns:
        Tensor of the shape of `x`.
    """
    return keras.activations.gelu(x, approximate=False)

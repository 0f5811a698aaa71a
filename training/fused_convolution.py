"""Strided convolutions that pad the map as they read it.

A padding of its own writes the map once more, and its gradient again.
"""

import functools

import tensorflow as tf


def pad_within(layer):
    """Lets a layer pad within its convolution, where it pads before.

    Args:
        layer: `keras_mvit.layers.ConvNormAct`.
    """
    # Half precision stays as Keras has it.
    if layer.pad is not None and layer.compute_dtype == "float32":
        layer.convolve = functools.partial(_convolve, layer)


def _convolve(layer, x):
    convolution = (
        tf.nn.depthwise_conv2d if layer.filters is None else tf.nn.conv2d
    )
    padding = [(0, 0), *layer.pad.padding, (0, 0)]
    strides = [1, layer.strides, layer.strides, 1]
    x = convolution(x, layer.conv.kernel, strides, padding)
    return x + layer.conv.bias if layer.use_bias else x

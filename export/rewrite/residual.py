"""The deploy form of the inverted residual."""

import keras
import numpy as np
from keras import ops

from keras_mvit.export.rewrite import parts
from keras_mvit.export.rewrite.parts import Linear

_MAX_BYTES = 4 << 20  # of an expanded map


def inverted_residual(layer, x):
    """The answer of an `InvertedResidual`.

    Where the expanded map is large, its channels come in groups, one after the
    other: from the expansion to the projection no channel needs the others,
    and a part of the map stays in the caches that the whole would leave.
    """
    _, height, width, _ = x.shape
    hidden = layer.expand.filters
    groups = -(-height * width * hidden * 4 // _MAX_BYTES)
    if groups == 1:
        return layer.call(x, training=False)
    expand, project = (
        Linear.of(part.conv).before(*parts.inference_affine(part.bn))
        for part in (layer.expand, layer.project)
    )
    y = x if layer.add_shortcut else None
    for part in np.array_split(np.arange(hidden), groups):
        z = _expand(layer.expand, expand, x, part)
        z = _filter(layer.depthwise, z, part)
        bias = None if part[0] else project.bias  # of the first part, once
        with keras.name_scope("project_part"):
            z = Linear(project.kernel[part], bias)(z, "conv")
        y = z if y is None else y + z
    return y


def _expand(expand, linear, x, channels):
    linear = Linear(linear.kernel[:, channels], linear.bias[channels])
    with keras.name_scope(expand.name):
        return expand.activation(linear(x, "conv"))


def _filter(depthwise, x, channels):
    conv = depthwise.conv
    scale, offset = parts.inference_affine(depthwise.bn)
    kernel = parts.array(conv.kernel) * scale[:, None]  # (k, k, C, 1)
    with keras.name_scope(depthwise.name):
        if depthwise.pad is not None:
            x = depthwise.pad(x)
        x = ops.depthwise_conv(
            x,
            np.float32(kernel[:, :, channels]),
            strides=conv.strides,
            padding=conv.padding,
            dilation_rate=conv.dilation_rate,
            data_format="channels_last",
        )
        return depthwise.activation(x + np.float32(offset[channels]))

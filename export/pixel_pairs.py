"""The first convolution of an int8 file, on pairs of pixels.

Kernels take input channels by eights, and three of an image leave them idle
for the most part. Two neighbours of a row, seen as one pixel of six channels,
lie in memory as they did: a 3x3 convolution of stride 2 becomes one of 3x2
pairs, with 48 products for each value where there were 72.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing

_CHANNELS = 8  # that a kernel takes at once


def pair(model):
    """Lets convolutions of few channels and stride 2 take pairs.

    Answers stay the same, to the bit.

    Args:
        model: schema.ModelT, from `packing.unpack`. Changed in place.
    """
    packing.put_before(model, lambda operator: _pairs(model, operator))


def _pairs(model, pad):
    """Returns the operators to put before one; [] if it is no such padding."""
    if packing.operator_name(model, pad) != "PAD":
        return []
    users = packing.users(model, pad.outputs[0])
    if len(users) != 1 or not _fits(model, pad, *users):
        return []
    return [_paired(model, pad, *users)]


def _fits(model, pad, conv):
    """Whether it is the 3x3 convolution that pairs can stand for."""
    if packing.operator_name(model, conv) != "CONV_2D":
        return False
    image, weights = (
        model.subgraphs[0].tensors[index]
        for index in (pad.inputs[0], conv.inputs[1])
    )
    _, _, width, channels = weights.shape
    before, after = _pads(model, pad)[2]
    options = conv.builtinOptions
    return (
        image.type == weights.type == schema.TensorType.INT8
        and packing.constant(model, conv.inputs[1], np.int8) is not None
        and channels == image.shape[3] <= _CHANNELS // 2
        and width == 3
        and image.shape[2] % 2 == 0
        and options.strideW == 2
        and options.padding == schema.Padding.VALID
        and before == 1
        and after <= 1
    )


def _paired(model, pad, conv):
    """Lets both take pairs; returns the operator that makes them."""
    tensors = model.subgraphs[0].tensors
    image, padded = (
        tensors[index] for index in (pad.inputs[0], pad.outputs[0])
    )

    def in_pairs(tensor, name, columns):
        _, rows, _, channels = tensor.shape
        return packing.add_tensor_like(
            model,
            tensor,
            name=name,
            shape=np.int32([1, rows, columns, 2 * channels]),
            shapeSignature=None,
        )

    columns = image.shape[2] // 2
    pairs = in_pairs(image, image.name + b"/pairs", columns)
    shape = np.int32(tensors[pairs].shape)
    reshape = packing.make_operator(
        model,
        "RESHAPE",
        [pad.inputs[0], packing.add_tensor(model, b"", shape.shape, shape)],
        pairs,
        schema.ReshapeOptionsT(newShape=shape.tolist()),
    )
    pads = _pads(model, pad)
    pads[2] = 1, 0
    pads = packing.add_tensor(model, b"", pads.shape, pads)
    pad.inputs = np.int32([pairs, pads])
    pad.outputs = np.int32([in_pairs(padded, padded.name, columns + 1)])
    conv.inputs = np.int32(
        [pad.outputs[0], _of_pairs(model, conv), *conv.inputs[2:]]
    )
    conv.builtinOptions.strideW = 1
    return reshape


def _of_pairs(model, conv):
    """Adds weights (units, rows, 2, 2 C); the first pixel of four has none."""
    weights = model.subgraphs[0].tensors[conv.inputs[1]]
    units, rows, width, channels = weights.shape
    values = packing.constant(model, conv.inputs[1], np.int8)
    values = values.reshape(weights.shape)
    values = np.pad(values, ((0, 0), (0, 0), (1, 0), (0, 0)))
    shape = np.int32([units, rows, (1 + width) // 2, 2 * channels])
    return packing.add_tensor_like(
        model,
        weights,
        buffer=packing.add_buffer(model, values.tobytes()),
        shape=shape,
        shapeSignature=None,
    )


def _pads(model, pad):
    """Array (4, 2), int32: before and after each axis."""
    values = packing.constant(model, pad.inputs[1], np.int32)
    return values.reshape(4, 2).copy()

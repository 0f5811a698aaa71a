"""Scales of weights that leave room for the bias.

The bias of a quantized operator is an integer of 32 bits in steps of the
input's scale times the weights'. A channel that training has given up keeps a
bias and next to no weights: their own scale would make steps so small that the
bias does not fit, and the quantizer cuts it off.
"""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing
from keras_mvit.export.float_graph import FloatGraph

_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
_MAX_BIAS = 2.0**30  # which leaves as much to the sum of products
# Kernels know no factor below 2^-31 from sums to results.
_MIN_FACTOR = 2.0**-30


def widen(model, content):
    """Gives channels whose bias was cut off a larger scale of weights.

    Args:
        model: schema.ModelT, unpacked, of the quantizer. Changed in place.
        content: bytes. The float32 file that it was made of.
    """
    original = FloatGraph(packing.unpack(content))
    sources = {
        original.name(op.outputs[0]): op
        for op in original.operators
        if original.kind(op) in _CHANNEL_AXIS and original.has_weights(op)
    }
    graph = model.subgraphs[0]
    for operator in graph.operators:
        kind = packing.operator_name(model, operator)
        source = sources.get(graph.tensors[operator.outputs[0]].name)
        if source and kind in _CHANNEL_AXIS and _is_integer(graph, operator):
            weights, bias = original.weights(source), original.bias(source)
            _widen(model, operator, _CHANNEL_AXIS[kind], weights, bias)


def _is_integer(graph, operator):
    """Whether it has a bias, and that is of integers."""
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return False
    kind = graph.tensors[operator.inputs[2]].type
    return kind in (schema.TensorType.INT32, schema.TensorType.INT64)


def _widen(model, operator, axis, weights, bias):
    tensors = model.subgraphs[0].tensors
    taken, kernel, offset = (tensors[index] for index in operator.inputs)
    result = tensors[operator.outputs[0]]
    (step,) = np.float64(taken.quantization.scale)
    (result_step,) = np.float64(result.quantization.scale)
    scale = np.float64(kernel.quantization.scale)
    needed = np.maximum(np.abs(bias) / _MAX_BIAS, _MIN_FACTOR * result_step)
    needed = np.where(bias, needed, 0.0) / step
    if len(scale) == 1:
        needed = needed.max(keepdims=True)
    wider = np.maximum(scale, needed)
    if np.array_equal(wider, scale):
        return
    wider = np.float64(np.float32(wider))  # as the file has it
    shape = [1] * weights.ndim
    shape[axis] = -1
    values = np.round(weights / wider.reshape(shape)).clip(-127, 127)
    bias = np.round(bias / (step * wider))
    narrow = offset.type == schema.TensorType.INT32
    operator.inputs = np.int32(
        [
            operator.inputs[0],
            _replaced(model, kernel, values.astype(np.int8), wider),
            _replaced(
                model,
                offset,
                bias.astype(np.int32 if narrow else np.int64),
                step * wider,
            ),
        ]
    )


def _replaced(model, tensor, values, scale):
    """Adds a constant like another one; returns its index."""
    quantization = copy.copy(tensor.quantization)
    quantization.scale = np.float32(scale)
    buffer = packing.add_buffer(model, values.tobytes())
    return packing.add_tensor_like(
        model, tensor, quantization=quantization, buffer=buffer
    )

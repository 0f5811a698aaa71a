"""Softmax in 8 bits over more values than 8 bits can tell apart.

LiteRT's int8 softmax has steps of 1/256, whatever its values: shared among 256
patches, most round to nothing. The same kernel can return 16 bits, which a
QUANTIZE then brings to 8 bits of the range that the values really have.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing
from keras_mvit.export.requantize import SAME_SCALE

# What may follow beside `SAME_SCALE`: operators that take any scale.
_ANY_SCALE = ("BATCH_MATMUL", "MUL", "QUANTIZE", "SUM")
_MAX_PROBABILITY = 0.5  # above it there is less than one bit to gain


def refine(content, ranges):
    """Gives the scale it needs to each softmax of an int8 file.

    Args:
        content: bytes. The file, of the quantizer.
        ranges: dict of tensor name -> (least, greatest value).

    Returns:
        bytes.
    """
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        operators.append(operator)
        if packing.operator_name(model, operator) != "SOFTMAX":
            continue
        output = graph.tensors[operator.outputs[0]]
        _, greatest = ranges[output.name.decode()]
        followers = _followers(model, graph, operator.outputs[0])
        if output.type == schema.TensorType.INT8 and followers:
            if 0 < greatest < _MAX_PROBABILITY:
                operators.append(_refined(model, graph, operator, greatest))
                for index in followers:
                    _set_scale(graph.tensors[index], greatest / 255, -128)
    graph.operators = operators
    return packing.pack(model)


def _followers(model, graph, start):
    """Returns the tensors of one scale with another, or () if unsure."""
    found, todo = [], [start]
    while todo:
        index = todo.pop()
        found.append(index)
        for operator in graph.operators:
            if index not in operator.inputs:
                continue
            name = packing.operator_name(model, operator)
            if name in SAME_SCALE:
                todo += operator.outputs.tolist()
            elif name not in _ANY_SCALE:
                return ()
    return found


def _refined(model, graph, softmax, greatest):
    """Lets a softmax return 16 bits; returns the operator that takes them."""
    narrow = softmax.outputs[0]
    output = graph.tensors[narrow]
    wide = schema.TensorT(
        shape=output.shape,
        type=schema.TensorType.INT16,
        name=output.name + b"/wide",
        quantization=schema.QuantizationParametersT(),
        hasRank=True,
    )
    _set_scale(wide, 1 / 32768, 0)
    graph.tensors.append(wide)
    softmax.outputs = np.int32([len(graph.tensors) - 1])
    options = schema.QuantizeOptionsT()
    return packing.make_operator(
        model, "QUANTIZE", softmax.outputs, narrow, options
    )


def _set_scale(tensor, scale, zero_point):
    tensor.quantization.scale = np.float32([scale])
    tensor.quantization.zeroPoint = np.int64([zero_point])

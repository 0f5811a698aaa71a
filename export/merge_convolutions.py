"""Pointwise convolutions that follow each other become one.

MobileViTv2 has no activation between the last convolution of a block and the
first of the next, nor between the last one of all and the classifier: two
products with matrices, where one with the product of both does.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing
from keras_mvit.export.float_graph import FloatGraph

_SPATIAL = (1, 2)  # axes


def merge(content):
    """Merges what costs less as one, in a float32 LiteRT file.

    That is a pointwise convolution without activation and whatever takes its
    result: other pointwise convolutions, or a mean over the map and a fully
    connected layer. The names of what remains stay.

    Args:
        content: bytes.

    Returns:
        bytes.
    """
    model = packing.unpack(content)
    graph = FloatGraph(model)
    for operator in list(graph.operators):
        if _is_linear(graph, operator):
            _merge_with_next(graph, operator)
    packing.drop_unused(model)
    return packing.pack(model)


def _merge_with_next(graph, first):
    pixels, readers = 1, graph.users(first.outputs[0])
    users, is_product = readers, _is_pointwise
    if len(readers) == 1 and _is_pooling(graph, readers[0]):
        pixels = int(np.prod(graph.shape(first.outputs[0])[1:3]))
        users, is_product = graph.users(readers[0].outputs[0]), _is_dense
    if not users or not all(is_product(graph, user) for user in users):
        return
    inner, outer = (
        _matrix(graph, first),
        [_matrix(graph, user) for user in users],
    )
    before = pixels * inner.size + sum(matrix.size for matrix in outer)
    if sum(map(len, outer)) * inner.shape[1] > before:
        return
    for user, matrix in zip(users, outer, strict=True):
        bias = matrix @ graph.bias(first) + graph.bias(user)
        _set_matrix(graph, user, matrix @ inner, bias)
    for reader in readers:
        reader.inputs = [first.inputs[0], *reader.inputs[1:]]
    if readers is not users:
        graph.set_shape(readers[0].outputs[0], (1, inner.shape[1]))
    graph.operators.remove(first)


def _is_linear(graph, operator):
    options = operator.builtinOptions
    return (
        _is_pointwise(graph, operator)
        and options.strideH == options.strideW == 1
        and options.fusedActivationFunction
        == schema.ActivationFunctionType.NONE
    )


def _is_pointwise(graph, operator):
    if graph.kind(operator) != "CONV_2D" or not graph.has_weights(operator):
        return False
    channels = graph.shape(operator.inputs[0])[-1]  # of all groups
    return tuple(graph.shape(operator.inputs[1])[1:]) == (1, 1, channels)


def _is_pooling(graph, operator):
    """Whether it averages (1, H, W, C) to (1, C)."""
    if graph.kind(operator) != "MEAN" or operator.builtinOptions.keepDims:
        return False
    axes = graph.values(operator.inputs[1], np.int32)
    return tuple(sorted(axes)) == _SPATIAL


def _is_dense(graph, operator):
    return graph.kind(operator) == "FULLY_CONNECTED" and graph.has_weights(
        operator
    )


def _matrix(graph, operator):
    """Float64 array (out, in)."""
    weights = graph.weights(operator)
    return weights.reshape(len(weights), -1)


def _set_matrix(graph, operator, matrix, bias):
    """Gives an operator constants of its own."""
    old = operator.inputs[1]
    rows, columns = matrix.shape
    shape = (rows, *[1] * (len(graph.shape(old)) - 2), columns)
    # In the scope of its layer, whose old ones others may share.
    name = graph.name(old) + b"_merged_%d" % operator.outputs[0]
    operator.inputs = [
        operator.inputs[0],
        graph.add_constant(name, matrix.reshape(shape)),
        graph.add_constant(name + b"/bias", bias),
    ]

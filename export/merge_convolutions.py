"""Pointwise convolutions that follow each other become one.

MobileViTv2 has no activation between the last convolution of a block and the
first of the next, nor between the last one of all and the classifier: two
products with matrices, where one with the product of both does.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing

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
    graph = _Graph(model)
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
    inner, outer = graph.matrix(first), [graph.matrix(user) for user in users]
    before = pixels * inner.size + sum(matrix.size for matrix in outer)
    if sum(map(len, outer)) * inner.shape[1] > before:
        return
    for user, matrix in zip(users, outer, strict=True):
        bias = matrix @ graph.bias(first) + graph.bias(user)
        graph.set_matrix(user, matrix @ inner, bias)
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
    if graph.name(operator) != "CONV_2D" or not graph.has_weights(operator):
        return False
    channels = graph.shape(operator.inputs[0])[-1]  # of all groups
    return tuple(graph.shape(operator.inputs[1])[1:]) == (1, 1, channels)


def _is_pooling(graph, operator):
    """Whether it averages (1, H, W, C) to (1, C)."""
    if graph.name(operator) != "MEAN" or operator.builtinOptions.keepDims:
        return False
    axes = graph.values(operator.inputs[1], np.int32)
    return tuple(sorted(axes)) == _SPATIAL


def _is_dense(graph, operator):
    return graph.name(operator) == "FULLY_CONNECTED" and graph.has_weights(
        operator
    )


class _Graph:
    """The only graph of an unpacked model, with what is asked of it here."""

    def __init__(self, model):
        self._model = model
        self._graph = model.subgraphs[0]
        self.operators = self._graph.operators

    def name(self, operator):
        """Its kind, such as `CONV_2D`."""
        return packing.operator_name(self._model, operator)

    def shape(self, index):
        """Of a tensor."""
        return self._graph.tensors[index].shape

    def set_shape(self, index, shape):
        """Of a tensor, static."""
        self._graph.tensors[index].shape = np.int32(shape)
        self._graph.tensors[index].shapeSignature = None

    def values(self, index, dtype):
        """Of a constant."""
        buffer = self._model.buffers[self._graph.tensors[index].buffer]
        return np.frombuffer(bytes(buffer.data), dtype)

    def users(self, index):
        """The operators that take a tensor; () if it is returned, too."""
        if index in self._graph.outputs:
            return ()
        return [op for op in self.operators if index in op.inputs]

    def has_weights(self, operator):
        """Whether matrix and bias are float32 constants."""
        return all(
            self._graph.tensors[index].type == schema.TensorType.FLOAT32
            and self._model.buffers[self._graph.tensors[index].buffer].data
            is not None
            for index in operator.inputs[1:]
            if index >= 0
        )

    def matrix(self, operator):
        """Float64 array (out, in)."""
        index = operator.inputs[1]
        rows = self.shape(index)[0]
        return self.values(index, np.float32).reshape(rows, -1).astype(float)

    def bias(self, operator):
        """Float64 array (out,)."""
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(self.shape(operator.inputs[1])[0])
        values = self.values(operator.inputs[2], np.float32)
        return values.ravel().astype(float)

    def set_matrix(self, operator, matrix, bias):
        """Gives an operator constants of its own."""
        old = self._graph.tensors[operator.inputs[1]]
        rows, columns = matrix.shape
        shape = (rows, *[1] * (len(old.shape) - 2), columns)
        operator.inputs = [
            operator.inputs[0],
            packing.add_tensor(self._model, old.name, shape, matrix),
            packing.add_tensor(
                self._model, old.name + b"/bias", bias.shape, bias
            ),
        ]

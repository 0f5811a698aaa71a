"""The graph of an unpacked float32 file, with what rewrites ask of it."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing


class FloatGraph:
    """The first graph of a model and its constants.

    Args:
        model: schema.ModelT, from `packing.unpack`.
    """

    def __init__(self, model):
        self._model = model
        self._graph = model.subgraphs[0]

    @property
    def operators(self):
        """List of schema.OperatorT, in the order that they run in."""
        return self._graph.operators

    @operators.setter
    def operators(self, operators):
        self._graph.operators = operators

    def kind(self, operator):
        """Such as `CONV_2D`."""
        return packing.operator_name(self._model, operator)

    def name(self, index):
        """Of a tensor, bytes."""
        return self._graph.tensors[index].name

    def shape(self, index):
        """Of a tensor."""
        return self._graph.tensors[index].shape

    def set_shape(self, index, shape):
        """Of a tensor, static."""
        self._graph.tensors[index].shape = np.int32(shape)
        self._graph.tensors[index].shapeSignature = None

    def values(self, index, dtype=np.float32):
        """Of a constant, flat."""
        return packing.constant(self._model, index, dtype)

    def users(self, index):
        """The operators that take a tensor; () if it is returned, too."""
        return packing.users(self._model, index)

    def has_weights(self, operator):
        """Whether weights and bias are float32 constants."""
        return all(
            self._graph.tensors[index].type == schema.TensorType.FLOAT32
            and self._model.buffers[self._graph.tensors[index].buffer].data
            is not None
            for index in operator.inputs[1:]
            if index >= 0
        )

    def weights(self, operator):
        """Float64 array, the units first."""
        index = operator.inputs[1]
        return self.values(index).reshape(self.shape(index)).astype(float)

    def bias(self, operator):
        """Float64 array (units,)."""
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(self.shape(operator.inputs[1])[0])
        return self.values(operator.inputs[2]).astype(float)

    def add_tensor(self, name, shape):
        """Adds a float32 one that an operator makes; returns its index."""
        return packing.add_tensor(self._model, name, shape)

    def add_constant(self, name, values):
        """Adds a float32 one; returns its index."""
        return packing.add_tensor(self._model, name, values.shape, values)

    def make(self, kind, inputs, output, options):
        """Returns a new operator; see `packing.make_operator`."""
        return packing.make_operator(self._model, kind, inputs, output, options)

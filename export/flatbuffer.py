"""What is inside a LiteRT file: operators, tensors, signatures."""

import collections
import dataclasses
import functools
from typing import NamedTuple

from ai_edge_litert import schema_py_generated as schema

# Operators with a kernel of weights.
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every LiteRT file
_OP_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if not name.startswith("_")
}
_TYPE_NAMES = {
    code: name.lower()
    for name, code in vars(schema.TensorType).items()
    if not name.startswith("_")
}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor of the graph.

    Args:
        index: int. Its place in the file.
        name: str.
        shape: tuple of int. -1 where an axis has no fixed length.
        dtype: str. Such as `float32`.
        is_constant: bool. Whether its values are in the file.
        quantization: (float, int) or None. Scale and zero point, where it has
            one of each.
    """

    index: int
    name: str
    shape: tuple
    dtype: str
    is_constant: bool
    quantization: tuple | None = None


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Args:
        index: int. Its place in the graph.
        name: str. Its kind, such as `CONV_2D`.
        is_builtin: bool. Whether every runtime has it.
        inputs: tuple of Tensor. Without optional ones that are missing.
        results: tuple of Tensor. What it makes.
    """

    index: int
    name: str
    is_builtin: bool
    inputs: tuple
    results: tuple

    @property
    def outputs(self):
        """Names of the tensors it makes, a tuple of str."""
        return tuple(tensor.name for tensor in self.results)

    @property
    def has_constant_input(self):
        """Whether a tensor it takes is in the file, a bool."""
        return any(tensor.is_constant for tensor in self.inputs)


def read_model(content):
    """Parses the flatbuffer; `ValueError` if it is not a LiteRT file."""
    if content[4:8] != _IDENTIFIER:
        raise ValueError(
            f"not a LiteRT file: {len(content)} bytes without the mark"
            f" {_IDENTIFIER.decode()!r}"
        )
    try:
        return schema.ModelT.InitFromPackedBuf(content, 0)
    except Exception as error:  # struct and index errors of a cut file
        raise ValueError(f"not a complete LiteRT file: {error}") from error


def count_graphs(content):
    """Counts the graphs of a LiteRT file (bytes): of signatures, of loops."""
    return len(read_model(content).subgraphs or ())


def operators(content, graph_index=0):
    """Lists the `Operator`s of a graph of a LiteRT file (bytes), in order."""
    return list(_read_graph(content, graph_index).operators)


def inputs(content, graph_index=0):
    """Lists the `Tensor`s that a graph of a LiteRT file (bytes) takes."""
    return list(_read_graph(content, graph_index).inputs)


def outputs(content):
    """Lists the `Tensor`s that the graph of a LiteRT file (bytes) returns."""
    return list(_read_graph(content).outputs)


def op_histogram(content):
    """Counts operators by name, most frequent first."""
    counts = collections.Counter(op.name for op in operators(content))
    return dict(counts.most_common())


class _Graph(NamedTuple):
    operators: tuple
    inputs: tuple
    outputs: tuple


@functools.lru_cache(maxsize=2)  # a file and what is made of it
def _read_graph(content, index=0):
    """Reads a graph: half a second for a deep one, and many ask for it."""
    model = read_model(content)
    try:
        graph = model.subgraphs[index]
        tensors = [
            _tensor(index, tensor, model)
            for index, tensor in enumerate(graph.tensors or ())
        ]
        return _Graph(
            tuple(
                _operator(index, op, model, tensors)
                for index, op in enumerate(graph.operators)
            ),
            tuple(tensors[i] for i in graph.inputs),
            tuple(tensors[i] for i in graph.outputs),
        )
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not a complete LiteRT file: {error}") from error


def _tensor(index, tensor, model):
    # The signature is there only where it differs from the shape; a scalar
    # has neither.
    buffer = model.buffers[tensor.buffer]
    shape = _ints(tensor.shapeSignature) or _ints(tensor.shape)
    return Tensor(
        index,
        (tensor.name or b"").decode(),
        shape,
        _TYPE_NAMES[tensor.type],
        # Quantized files keep their weights behind the flatbuffer.
        buffer.data is not None or buffer.offset > 0,
        _quantization(tensor.quantization),
    )


def _quantization(parameters):
    if parameters is None or parameters.scale is None:
        return None
    if len(parameters.scale) != 1:
        return None
    return float(parameters.scale[0]), int(parameters.zeroPoint[0])


def _ints(vector):
    return () if vector is None else tuple(int(value) for value in vector)


def operator_name(code):
    """Returns the kind of operator that a `schema.OperatorCodeT` stands for."""
    builtin = _builtin(code)
    if builtin == schema.BuiltinOperator.CUSTOM:
        return code.customCode.decode()
    return _OP_NAMES[builtin]


def _builtin(code):
    # Old files have the code in a single byte, new ones in both fields.
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _operator(index, op, model, tensors):
    code = model.operatorCodes[op.opcodeIndex]
    is_builtin = _builtin(code) != schema.BuiltinOperator.CUSTOM
    name = operator_name(code)
    # A missing optional input has the index -1.
    taken = tuple(tensors[i] for i in op.inputs if i >= 0)
    made = tuple(tensors[i] for i in op.outputs)
    return Operator(index, name, is_builtin, taken, made)

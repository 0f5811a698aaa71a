"""What is inside a LiteRT file: operators, tensors, signatures."""

import collections
import dataclasses

from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every LiteRT file
_OP_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if not name.startswith("_")
}


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Args:
        name: str. Its kind, such as `CONV_2D`.
        is_builtin: bool. Whether every runtime has it.
        outputs: tuple of str. Names of the tensors it makes.
        has_constant_input: bool. Whether a tensor it takes is in the file.
    """

    name: str
    is_builtin: bool
    outputs: tuple
    has_constant_input: bool


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


def operators(content):
    """Lists the `Operator`s of a LiteRT file (bytes), in order."""
    model = read_model(content)
    graph = model.subgraphs[0]
    return [_operator(op, graph, model) for op in graph.operators]


def op_histogram(content):
    """Counts operators by name, most frequent first."""
    counts = collections.Counter(op.name for op in operators(content))
    return dict(counts.most_common())


def _operator(op, graph, model):
    code = model.operatorCodes[op.opcodeIndex]
    # Old files have the code in a single byte, new ones in both fields.
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    is_builtin = builtin != schema.BuiltinOperator.CUSTOM
    name = _OP_NAMES[builtin] if is_builtin else code.customCode.decode()
    outputs = tuple(graph.tensors[i].name.decode() for i in op.outputs)
    # A missing optional input has the index -1.
    inputs = [graph.tensors[i] for i in op.inputs if i >= 0]
    constant = any(model.buffers[t.buffer].data is not None for t in inputs)
    return Operator(name, is_builtin, outputs, constant)

"""int8 files without some of their operators; their answers mean nothing."""

import numpy as np

from benchmarks import latency_operators
from keras_mvit.export import packing


def without_silu(content):
    """Leave out each LOGISTIC whose result multiplies what it was made of.

    Args:
        content: bytes. An int8 LiteRT file.

    Returns:
        bytes.
    """
    model = packing.unpack(content)
    replaced = {}
    for *before, last in latency_operators.groups(model):
        if before and _is(model, before[0], "LOGISTIC"):
            _replace(model, before[0].inputs[0], last.outputs[0], replaced)
    return _left_out(model, replaced)


def without_softmax(content):
    """Leave out each SOFTMAX and the conversions before and after it.

    Args:
        content: bytes. An int8 LiteRT file.

    Returns:
        bytes.
    """
    model = packing.unpack(content)
    operators = model.subgraphs[0].operators
    makers = {op.outputs[0]: op for op in operators}
    replaced = {}
    for last in operators:
        if not _is(model, last, "QUANTIZE"):
            continue
        softmax = makers.get(last.inputs[0])
        if not _is(model, softmax, "SOFTMAX"):
            continue
        first = makers.get(softmax.inputs[0])
        if _is(model, first, "DEQUANTIZE"):
            _replace(model, first.inputs[0], last.outputs[0], replaced)
    return _left_out(model, replaced)


def _replace(model, kept, dropped, replaced):
    """Let a tensor stand for a later one, in the scale that its users take."""
    tensors = model.subgraphs[0].tensors
    tensors[kept].quantization = tensors[dropped].quantization
    replaced[dropped] = kept


def _is(model, operator, name):
    return operator and packing.operator_name(model, operator) == name


def _left_out(model, replaced):
    """Let others stand for tensors; drop what nobody takes then."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        operator.inputs = np.int32(
            [replaced.get(i, i) for i in operator.inputs]
        )
    needed, kept = set(graph.outputs), []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            kept.append(operator)
    graph.operators = kept[::-1]
    packing.drop_unused(model)
    return packing.pack(model)

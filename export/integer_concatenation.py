"""Concatenations of an int8 file, in int8.

The quantizer leaves them float32, as on their own it could not tell whether
XNNPACK can bridge the scales of what they join. Where it can, each input takes
one step to the scale of the result, instead of two by way of float32.
"""

from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing

# Scales of an input over those of the result that XNNPACK bridges.
_MIN_RATIO, _MAX_RATIO = 2.0**-8, 2.0**7


def concatenate(model):
    """Joins in int8 what is converted from it before and to it after.

    Args:
        model: schema.ModelT, from `packing.unpack`. Changed in place.
    """
    graph = model.subgraphs[0]
    for joined in list(graph.operators):
        if packing.operator_name(model, joined) == "CONCATENATION":
            _concatenate(model, joined)


def _concatenate(model, joined):
    graph = model.subgraphs[0]
    pieces = [packing.maker(model, index) for index in joined.inputs]
    users = packing.users(model, joined.outputs[0])
    if (
        len(users) != 1
        or not _is(model, users[0], "QUANTIZE")
        or not all(_is(model, piece, "DEQUANTIZE") for piece in pieces)
    ):
        return
    (quantized,) = users
    result = graph.tensors[quantized.outputs[0]]
    sources = [graph.tensors[piece.inputs[0]] for piece in pieces]
    if not all(_can_bridge(source, result) for source in sources):
        return
    steps = [
        packing.make_operator(
            model,
            "QUANTIZE",
            piece.inputs,
            packing.add_tensor_like(
                model,
                source,
                name=source.name + b"/joined",
                quantization=result.quantization,
            ),
            schema.QuantizeOptionsT(),
        )
        for piece, source in zip(pieces, sources, strict=True)
    ]
    result.name = graph.tensors[joined.outputs[0]].name
    joined.inputs = [step.outputs[0] for step in steps]
    joined.outputs = quantized.outputs
    place = graph.operators.index(joined)
    graph.operators[place:place] = steps
    graph.operators.remove(quantized)
    taken = {*graph.outputs}.union(*(op.inputs for op in graph.operators))
    graph.operators = [
        op
        for op in graph.operators
        if op not in pieces or taken.intersection(op.outputs)
    ]


def _is(model, operator, kind):
    """Whether it is a conversion of this kind, between int8 and float32."""
    if operator is None or packing.operator_name(model, operator) != kind:
        return False
    tensors = model.subgraphs[0].tensors
    index = operator.inputs[0] if kind == "DEQUANTIZE" else operator.outputs[0]
    return tensors[index].type == schema.TensorType.INT8


def _can_bridge(source, result):
    ratio = source.quantization.scale[0] / result.quantization.scale[0]
    return _MIN_RATIO <= ratio <= _MAX_RATIO

"""Operators without an integer kernel, said in others that have one."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing


def integer_form(content, bits):
    """Rewrites a float32 file so that the quantizer can take all of it.

    A NEG becomes a multiplication by -1, a SQUARE one by itself; for 16 bits,
    a SQUARED_DIFFERENCE becomes a difference, multiplied by itself.

    Args:
        content: bytes. A float32 LiteRT file.
        bits: int. Of the activations.

    Returns:
        bytes. The same function.
    """
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    rewrites = {"NEG": _negate, "SQUARE": _square}
    if bits == 16:
        rewrites["SQUARED_DIFFERENCE"] = _square_the_difference
    operators = []
    for operator in graph.operators:
        name = packing.operator_name(model, operator)
        operators += rewrites.get(name, _keep)(model, graph, operator)
    graph.operators = operators
    return packing.pack(model)


def _keep(model, graph, operator):
    return [operator]


def _negate(model, graph, operator):
    """-x = x * -1, a constant for each, as each gets a scale of its own."""
    output = graph.tensors[operator.outputs[0]]
    name = output.name + b"/minus_one"
    minus_one = packing.add_tensor(model, name, (), np.float32(-1))
    inputs = [operator.inputs[0], minus_one]
    return [_multiply(model, inputs, operator.outputs[0])]


def _square(model, graph, operator):
    del graph
    inputs = [operator.inputs[0]] * 2
    return [_multiply(model, inputs, operator.outputs[0])]


def _square_the_difference(model, graph, operator):
    """(a - b)^2 = d * d with d = a - b."""
    output = graph.tensors[operator.outputs[0]]
    name = output.name + b"/difference"
    difference = packing.add_tensor(model, name, output.shape)
    subtraction = packing.make_operator(
        model, "SUB", operator.inputs, difference, schema.SubOptionsT()
    )
    square = _multiply(model, [difference, difference], operator.outputs[0])
    return [subtraction, square]


def _multiply(model, inputs, output):
    options = schema.MulOptionsT()
    return packing.make_operator(model, "MUL", inputs, output, options)

"""Steps from one scale to another, left to the operators before them.

The quantizer gives each tensor the scale of its own range, and where an
operator needs another, as products of two int8 tensors do for XNNPACK, it puts
a QUANTIZE between. The operator that computed the tensor can round to that
scale at once: a pass less, and a rounding less.
"""

import collections

import numpy as np

from keras_mvit.export import packing

# Operators that hand values on in the scale they came in, and operators that
# compute in 32 bits and round to any scale.
SAME_SCALE = ("RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE")
_COMPUTING = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")


def fold(model):
    """Removes each QUANTIZE between integers that has nothing to do then.

    Args:
        model: schema.ModelT, from `packing.unpack`. Changed in place.
    """
    graph = model.subgraphs[0]
    makers = {
        index: operator
        for operator in graph.operators
        for index in operator.outputs
    }
    uses = collections.Counter(
        index for operator in graph.operators for index in operator.inputs
    )
    uses.update(graph.outputs)
    folded = {}  # tensor that is not made any more -> the one in its place
    for operator in graph.operators:
        if packing.operator_name(model, operator) != "QUANTIZE":
            continue
        (taken,), (made,) = operator.inputs, operator.outputs
        chain = _chain(model, makers, uses, taken)
        wanted = graph.tensors[made]
        if chain and graph.tensors[taken].type == wanted.type:
            for index in chain:
                graph.tensors[index].quantization = wanted.quantization
            folded[made] = taken
    _leave_out(graph, folded)


def _chain(model, makers, uses, index):
    """Returns the tensors from a computed one to this one; () if others use it.

    All of them have one scale, and only the last is used, once.
    """
    chain = []
    while uses[index] == 1 and index in makers:
        chain.append(index)
        name = packing.operator_name(model, makers[index])
        if name in _COMPUTING:
            return chain
        if name not in SAME_SCALE:
            return ()
        index = makers[index].inputs[0]
    return ()


def _leave_out(graph, folded):
    graph.operators = [
        operator
        for operator in graph.operators
        if operator.outputs[0] not in folded
    ]
    for operator in graph.operators:
        operator.inputs = np.int32([folded.get(i, i) for i in operator.inputs])
    graph.outputs = np.int32([folded.get(i, i) for i in graph.outputs])

"""Second matrices of int8 products, transposed before XNNPACK packs them.

It packs the second matrix of a product at every run: by vector instructions
where a column lies in one piece (`adjY`), else byte by byte, which takes longer
than the products of attention. TRANSPOSE brings columns together in a tenth of
the time. XNNPACK would fold it into the product again, if there were not a
RESHAPE, to the same shape, between the two.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing


def transpose(model):
    """Transposes the second matrix of each int8 product that has it upright.

    Answers stay the same, to the bit.

    Args:
        model: schema.ModelT, from `packing.unpack`. Changed in place.
    """
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        if _has_columns_in_pieces(model, operator):
            operators += _transposed(model, operator)
        operators.append(operator)
    graph.operators = operators


def _has_columns_in_pieces(model, operator):
    return (
        packing.operator_name(model, operator) == "BATCH_MATMUL"
        and not operator.builtinOptions.adjY
        and all(
            model.subgraphs[0].tensors[index].type == schema.TensorType.INT8
            for index in operator.inputs
        )
    )


def _transposed(model, product):
    """Lets a product take the transpose; returns the operators that make it."""
    first, second = product.inputs
    upright = model.subgraphs[0].tensors[second]
    *batch, row, column = range(len(upright.shape))
    axes = np.int32([*batch, column, row])
    shape = np.int32(upright.shape)[axes]

    def make(kind, inputs, label, options):
        result = packing.add_tensor_like(
            model,
            upright,
            name=upright.name + label,
            shape=shape,
            shapeSignature=None,
        )
        return packing.make_operator(model, kind, inputs, result, options)

    permutation = packing.add_tensor(model, b"", axes.shape, axes)
    transposed = make(
        "TRANSPOSE",
        [second, permutation],
        b"/transpose",
        schema.TransposeOptionsT(),
    )
    reshaped = make(
        "RESHAPE",
        transposed.outputs,
        b"/columns",
        schema.ReshapeOptionsT(newShape=shape.tolist()),
    )
    product.inputs = np.int32([first, reshaped.outputs[0]])
    product.builtinOptions.adjY = True
    return [transposed, reshaped]

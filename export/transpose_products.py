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
    packing.put_before(
        model,
        lambda operator: (
            _transposed(model, operator)
            if _has_columns_in_pieces(model, operator)
            else []
        ),
    )


def exchange(model, index):
    """Returns an operator that exchanges the last two axes of a tensor.

    Args:
        model: schema.ModelT, from `packing.unpack`. Gets its tensors.
        index: int.
    """
    upright = model.subgraphs[0].tensors[index]
    *batch, row, column = range(len(upright.shape))
    axes = np.int32([*batch, column, row])
    permutation = packing.add_tensor(model, b"", axes.shape, axes)
    result = packing.add_tensor_like(
        model,
        upright,
        name=upright.name + b"/transpose",
        shape=np.int32(upright.shape)[axes],
        shapeSignature=None,
    )
    return packing.make_operator(
        model,
        "TRANSPOSE",
        [index, permutation],
        result,
        schema.TransposeOptionsT(),
    )


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
    transposed = exchange(model, second)
    columns = model.subgraphs[0].tensors[transposed.outputs[0]]
    result = packing.add_tensor_like(
        model,
        columns,
        name=model.subgraphs[0].tensors[second].name + b"/columns",
    )
    reshaped = packing.make_operator(
        model,
        "RESHAPE",
        transposed.outputs,
        result,
        schema.ReshapeOptionsT(newShape=columns.shape.tolist()),
    )
    product.inputs = np.int32([first, result])
    product.builtinOptions.adjY = True
    return [transposed, reshaped]

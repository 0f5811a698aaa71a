"""What the delegates of LiteRT take, as their sources and documents say.

XNNPACK: tflite/delegates/xnnpack/README.md ("Limitations and supported
operators") and, where it lags, xnnpack_delegate.cc.
GPU: `NewOperationParser` and `GetOpsToReplace` in
tflite/delegates/gpu/common/model_builder.cc, and
tflite/tools/versioning/gpu_compatibility.cc.
All of https://github.com/google-ai-edge/LiteRT, version 2.3.
"""

MAX_GPU_RANK = 4

_XNNPACK_FLOAT = frozenset(
    "ABS ADD AVERAGE_POOL_2D BATCH_MATMUL CEIL CONCATENATION CONV_2D COS"
    " DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EXP EXPAND_DIMS"
    " FLOOR FULLY_CONNECTED GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC"
    " MAX_POOL_2D MAXIMUM MEAN MINIMUM MUL NEG PAD PRELU QUANTIZE REDUCE_MAX"
    " REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR ROUND RSQRT"
    " SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQRT SQUARE SQUARED_DIFFERENCE"
    " STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV".split()
)
_XNNPACK_8BIT = frozenset(
    "ADD BATCH_MATMUL CONCATENATION CONV_2D DEPTH_TO_SPACE DEPTHWISE_CONV_2D"
    " DEQUANTIZE ELU EXPAND_DIMS FULLY_CONNECTED LEAKY_RELU LOGISTIC"
    " MAX_POOL_2D MEAN MUL PAD QUANTIZE REDUCE_MAX REDUCE_MIN RESHAPE"
    " RESIZE_BILINEAR SLICE SPACE_TO_DEPTH SPLIT STRIDED_SLICE SUB SUM TANH"
    " TRANSPOSE TRANSPOSE_CONV".split()
)
# Float activations, int8 weights. Others get a DEQUANTIZE of their weights.
_XNNPACK_DYNAMIC = frozenset(
    "BATCH_MATMUL CONV_2D FULLY_CONNECTED TRANSPOSE_CONV".split()
)
_XNNPACK = {
    "float32": _XNNPACK_FLOAT,
    "int8": _XNNPACK_8BIT,
    "uint8": _XNNPACK_8BIT,
    "float32 with int8 weights": _XNNPACK_DYNAMIC,
}

_GPU = frozenset(
    "ABS ADD ADD_N AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D COS"
    " CUMSUM DENSIFY DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL"
    " EXP FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GELU GREATER"
    " GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND"
    " LOGISTIC LSTM MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG"
    " NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_MAX"
    " REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE"
    " RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN"
    " SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE"
    " SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE"
    " TRANSPOSE_CONV UNPACK".split()
)
# 8 bits are computed in float, between a DEQUANTIZE and a QUANTIZE.
_GPU_TYPES = frozenset({"float32", "float16", "int8", "uint8"})
_GPU_MORE_TYPES = {
    "CAST": {"bool", "int32"},
    "GATHER": {"int32"},
    "LOGICAL_AND": {"bool"},
    "ONE_HOT": {"int32"},
    "SELECT": {"bool"},
    "SELECT_V2": {"bool"},
    **dict.fromkeys(
        "EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL".split(),
        {"bool"},
    ),
}


def xnnpack_refusal(op):
    """Says why XNNPACK has no kernel for an operator.

    Args:
        op: flatbuffer.Operator, builtin.

    Returns:
        str, or None if it has one for some shapes, scales and parameters.
    """
    kind = _xnnpack_type(op)
    if op.name in _XNNPACK.get(kind, ()):
        return None
    types = [kind for kind, names in _XNNPACK.items() if op.name in names]
    if not types:
        return f"XNNPACK has no {op.name}"
    return f"XNNPACK has no {op.name} of {kind}, only of {', '.join(types)}"


def gpu_refusal(op):
    """Says why the GPU delegate does not take an operator.

    Args:
        op: flatbuffer.Operator, builtin, of rank 4 or less.

    Returns:
        str, or None if it takes it.
    """
    if op.name not in _GPU:
        return f"the GPU delegate has no {op.name}"
    allowed = _GPU_TYPES | _GPU_MORE_TYPES.get(op.name, set())
    foreign = sorted({t.dtype for t in _runtime(op)} - allowed)
    if foreign:
        return f"the GPU delegate has no {op.name} of {', '.join(foreign)}"
    return _gpu_shape_refusal(op)


def _xnnpack_type(op):
    types = sorted({tensor.dtype for tensor in _runtime(op)})
    if op.name in ("QUANTIZE", "DEQUANTIZE"):
        # From one type into another; the integer one counts.
        return next((t for t in types if "int" in t), "float32")
    weights = {t.dtype for t in op.inputs[1:] if t.is_constant}
    if types == ["float32"] and "int8" in weights:
        return "float32 with int8 weights"
    return " and ".join(types)


def _gpu_shape_refusal(op):
    shapes = [tensor.shape for tensor in op.inputs]
    if op.name in ("ADD", "MUL") and not _gpu_broadcasts(*shapes[:2]):
        return f"the GPU delegate does not broadcast {shapes[0]} to {shapes[1]}"
    if op.name in ("SLICE", "STRIDED_SLICE") and len(shapes[0]) not in (3, 4):
        return f"the GPU delegate has no {op.name} of {len(shapes[0])} axes"
    if op.name == "BATCH_MATMUL" and (
        op.inputs[0].is_constant
        or (op.inputs[1].is_constant and len(shapes[1]) != 2)
    ):
        return (
            "the GPU delegate multiplies by a constant only from the right,"
            " and only by one of 2 axes"
        )
    return None


def _gpu_broadcasts(first, second):
    """Whether two shapes of different ranks can be added or multiplied."""
    short, long = sorted((first, second), key=len)
    if len(short) < 2 or len(short) == len(long):
        return True
    if len(long) != 4:
        return False
    if long[0] == 1 and (len(short) == 3 or short == (1, 1)):
        return True
    return len(short) == 2 and short == (long[0], long[3])


def _runtime(op):
    """Tensors that are computed, not read from the file."""
    return [t for t in (*op.inputs, *op.results) if not t.is_constant]

"""What one operation of `keras.ops` costs."""

import math

from keras import layers


def _matmul(_, x, y, output):
    return math.prod(output.shape) * x.shape[-1]


def _einsum(operation, *operands_and_output):
    subscripts = operation.subscripts.replace(" ", "").split("->")[0]
    if "." in subscripts:
        raise ValueError(f"its product {subscripts!r} has an ellipsis")
    sizes = {}
    for axes, operand in zip(
        subscripts.split(","), operands_and_output, strict=False
    ):
        sizes |= dict(zip(axes, operand.shape, strict=True))
    return math.prod(sizes.values())


def _dot_product_attention(_, query, key, value, *others):
    # (B, N, h, d) and (B, K, h, d): scores, then the sum of values.
    return math.prod(query.shape) * key.shape[1] * 2


def _conv(_, x, kernel, output):
    return math.prod(output.shape) * math.prod(kernel.shape[:-1])  # HWI


def _depthwise_conv(_, x, kernel, output):
    return math.prod(output.shape) * math.prod(kernel.shape[:2])  # HW


def _separable_conv(_, x, depthwise, pointwise, output):
    pixels = math.prod(output.shape) // pointwise.shape[-1]
    return pixels * (math.prod(depthwise.shape) + math.prod(pointwise.shape))


def _conv_transpose(_, x, kernel, output):
    return math.prod(x.shape) * math.prod(kernel.shape[:-1])  # HWO


# Operation -> its multiply-adds, from its arguments and its output.
_PRODUCTS = {
    "Conv": _conv,
    "Conv2D": lambda layer, x, output: _conv(layer, x, layer.kernel, output),
    "ConvTranspose": _conv_transpose,
    "DepthwiseConv": _depthwise_conv,
    "DotProductAttention": _dot_product_attention,
    "Einsum": _einsum,
    "Matmul": _matmul,
    "SeparableConv": _separable_conv,
}

# The others have no products to speak of. Views take no memory ...
VIEWS = frozenset(
    """
    Cast Copy ExpandDims Identity Ravel Reshape Squeeze
    """.split()
)
# ... these write over an operand that nothing else needs ...
IN_PLACE = frozenset(
    """
    Abs Absolute Activation Add BatchNorm BatchNormalization Celu Clip Divide
    Elu Exp Gelu HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu Log
    LogSoftmax Maximum Minimum Multiply Negative Normalization Normalize Power
    RMSNorm ReLU Relu Relu6 Rescaling Rsqrt Selu Sigmoid Silu Softmax Softplus
    Softsign Sqrt Square Subtract Tanh TrueDivide Where
    """.split()
)
# ... and these cannot.
_COPIES = frozenset(
    """
    Argmax AveragePool BroadcastTo Concatenate DepthToSpace Flip GetItem Max
    MaxPool Mean Min Moments Moveaxis OnesLike Pad Repeat Resize SpaceToDepth
    Split Stack Std Sum Swapaxes Take Tile Transpose Var ZerosLike
    """.split()
)

# Counted as they are, because they do not, or not always, call keras.ops, or
# because Keras gives no shape for the operation inside (a grouped one).
LEAVES = (
    layers.Activation,
    layers.BatchNormalization,
    layers.Conv2D,
    layers.Normalization,
    layers.Rescaling,
)


def multiply_adds(operation, args, output):
    """Return the multiply-adds of one operation.

    Convolutions, matrix products and Einstein sums are counted; what is
    elementwise, a reduction or a rearrangement is not.

    Args:
        operation: keras.Operation.
        args: list. The tensors it was called with, weights included.
        output: keras.KerasTensor, or list of them.

    Returns:
        int.

    Raises:
        ValueError: an operation that is in none of the lists above.
    """
    kind = type(operation).__name__
    if kind in _PRODUCTS:
        return _PRODUCTS[kind](operation, *args, output)
    if kind in VIEWS | IN_PLACE | _COPIES:
        return 0
    raise ValueError(f"its operation {kind} has no known cost")

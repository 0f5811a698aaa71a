"""What ai-edge-quantizer is told: which operators become what."""

import re

from keras_mvit.export import flatbuffer
from keras_mvit.export.formats import CAST

# XNNPACK adds int8 tensors whose scale is 2^-10 of the sum's or more. A
# symmetric sum has up to twice the scale that its range needs.
_LEAST_OF_SUM = 2.0**-9


def recipe(
    content, row, input_type, output_type, float_outputs=(), ranges=None
):
    """Returns the rules of a format for one file; later rules win.

    Args:
        content: bytes. The float32 LiteRT file.
        row: formats.Format.
        input_type: str. One of `formats.TYPES`.
        output_type: str. The same.
        float_outputs: collection of str. Tensors whose operators stay
            float32.
        ranges: dict of tensor name -> (least, greatest value), or None.

    Returns:
        list of dicts for `Quantizer.load_quantization_recipe`.
    """
    rules = [_rule(".*", "*", row.algorithm, _op_config(row))]
    if row.activation_bits is not None:
        rules += _boundary_rules(row, input_type, output_type)
        if not row.integer_only:
            rules += _xnnpack_rules(content, row)
            far_apart = far_apart_sums(content, ranges or {})
            float_outputs = (*float_outputs, *far_apart)
    rules += [
        _constant_product(row, output) for output in constant_products(content)
    ]
    rules += [_rule(".*", op, "no_quantize") for op in row.float_ops]
    if float_outputs:
        # The quantizer calls an operator by its outputs, `a;` or `a;b;`.
        names = "|".join(map(re.escape, float_outputs))
        rules.append(_rule(f"^(?:{names});", "*", "no_quantize"))
    return rules


def constant_products(content):
    """Returns the outputs of all products of a tensor and a constant matrix.

    No model of this package has any in its deploy form; layers of others may,
    and MobileViTv2 as it is trained, which resizes maps by such. LiteRT
    multiplies an int8 matrix by a float tensor only from the right, and the
    weights of an interpolation are too few to be worth 8 bits.
    """
    return [
        op.outputs[0]
        for op in flatbuffer.operators(content)
        if op.name == "BATCH_MATMUL" and op.has_constant_input
    ]


def far_apart_sums(content, ranges):
    """Returns the outputs of sums that are large beside what they add.

    Such are a shortcut and a branch that adds next to nothing.

    Args:
        content: bytes. The float32 LiteRT file.
        ranges: dict of tensor name -> (least, greatest value).
    """
    spans = {
        name: max(greatest, 0.0) - min(least, 0.0)
        for name, (least, greatest) in ranges.items()
    }
    found = []
    for op in flatbuffer.operators(content):
        if op.name in ("ADD", "SUB") and op.outputs[0] in spans:
            least = _LEAST_OF_SUM * spans[op.outputs[0]]
            if any(
                spans.get(tensor.name, least) < least for tensor in op.inputs
            ):
                found.append(op.outputs[0])
    return found


def normalization_scopes(content):
    """Returns the name scopes of all layers that normalize at run time.

    Whatever their names, these are the layers with a reciprocal square root:
    a BatchNormalization has been folded into its convolution. A root outside
    of layers has the scope of a whole model, which is left out.
    """
    # "model/block/norm1/Rsqrt;fused names" -> "model/block/norm1/Rsqrt"
    names = [
        (op.name, op.outputs[0].split(";")[0])
        for op in flatbuffer.operators(content)
    ]
    scopes = {
        name.rpartition("/")[0] for kind, name in names if kind == "RSQRT"
    }
    weighted = [name for kind, name in names if kind in flatbuffer.WEIGHTED]
    return sorted(
        scope
        for scope in scopes
        if not any(f"{scope}/" in name for name in weighted)
    )


def _xnnpack_rules(content, row):
    """Keeps a graph with int8 activations in one piece for XNNPACK."""
    # It multiplies two int8 tensors only around a zero point of 0.
    symmetric = _op_config(row, symmetric=True)
    rules = [_rule(".*", "BATCH_MATMUL", row.algorithm, symmetric)]
    # It has no int8 kernels for SQUARED_DIFFERENCE and RSQRT, nor for an ADD
    # of scales as far apart as a variance and its epsilon. Each would leave
    # the delegate, at many times the cost of the float operator.
    rules += [_float_scope(scope) for scope in normalization_scopes(content)]
    rules.append(_rule(".*", "RSQRT", "no_quantize"))
    # Biases of scores have a range that does not suit that of the scores.
    return [*rules, _rule("/softmax/", "ADD", "no_quantize")]


def _boundary_rules(row, input_type, output_type):
    """Says what an app hands in and gets back."""
    rules = []
    for operation, dtype in (("INPUT", input_type), ("OUTPUT", output_type)):
        if dtype == "float32":
            rules.append(_rule(".*", operation, "no_quantize"))
        elif dtype == "uint8":
            config = _op_config(row)
            config["activation_tensor_config"]["dtype"] = "UINT"
            rules.append(_rule(".*", operation, row.algorithm, config))
    return rules


def _constant_product(row, output):
    output = re.escape(output)
    if not row.integer_only:
        return _rule(output, "BATCH_MATMUL", "no_quantize")
    # The kernel has one scale for a matrix, not one for each of its rows.
    config = _op_config(row)
    config["weight_tensor_config"] = _tensor(8, "TENSORWISE")
    return _rule(output, "BATCH_MATMUL", row.algorithm, config)


def _float_scope(scope):
    return _rule(re.escape(scope) + "/", "*", "no_quantize")


def _rule(scope, operation, algorithm, op_config=None):
    return {
        "regex": scope,
        "operation": operation,
        "algorithm_key": algorithm,
        "op_config": op_config or {},
    }


def _op_config(row, symmetric=False):
    if row.algorithm == CAST:
        return {
            "weight_tensor_config": _tensor(16, "TENSORWISE", "FLOAT"),
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
        }
    config = {
        "weight_tensor_config": _tensor(8, "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }
    bits = row.activation_bits
    if bits is not None:
        # Kernels of 16 bits know no zero points.
        config["activation_tensor_config"] = _tensor(
            bits, "TENSORWISE", symmetric=symmetric or bits == 16
        )
    return config


def _tensor(num_bits, granularity, dtype="INT", symmetric=True):
    return {
        "num_bits": num_bits,
        "symmetric": symmetric,
        "granularity": granularity,
        "dtype": dtype,
    }

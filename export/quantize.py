"""The float32 file -> a file of another format, by ai-edge-quantizer."""

import collections
import math

import numpy as np

from keras_mvit.export import (
    bias_scale,
    fine_softmax,
    flatbuffer,
    integer_concatenation,
    integer_form,
    packing,
    pixel_pairs,
    quantize_recipe,
    requantize,
    split_heads,
    transpose_products,
    winograd,
)
from keras_mvit.export.calibration import calibrate
from keras_mvit.export.formats import get_formats
from keras_mvit.quiet import quiet

_ROOM = 2  # times the largest value seen


def quantize_file(
    content,
    row,
    calibration=None,
    ranges=None,
    input_type="float32",
    output_type="float32",
    float_outputs=(),
    split_convolutions=True,
):
    """Makes a file of another format from the float32 one.

    Args:
        content: bytes. The float32 LiteRT file, of `to_float32`.
        row: formats.Format, or its name.
        calibration: images.ModelInputs, or float32 (N, H, W, 3). Needed where
            `row.activation_bits` are given, unless `ranges` has all.
        ranges: dict of tensor name -> (least, greatest value), or None. They
            win over those found on the images.
        input_type: str. What an app hands in, one of `formats.TYPES`.
        output_type: str. What it gets back; the same.
        float_outputs: collection of str. Tensors whose operators stay
            float32; `layers.find_layers` tells them by layer.
        split_convolutions: bool. Whether 3x3 convolutions of float formats
            take Winograd's products; see `winograd.split`.

    Returns:
        bytes.

    Raises:
        ValueError: calibration images are needed and missing or do not fit,
            ranges of unknown tensors, a type that the format cannot take, or
            operators that have no integer form where there must be one.
    """
    if isinstance(row, str):
        (row,) = get_formats(row)
    row.check_types((input_type, output_type))
    if row.is_float and split_convolutions:
        content = winograd.split(content)
    if row.algorithm is None:
        return content
    if row.integer_only:
        _check_products(content, row)
        content = integer_form.integer_form(content, row.activation_bits)
    if row.activation_bits is not None:
        ranges = _with_steps(_ranges(content, row, calibration, ranges or {}))
    rules = quantize_recipe.recipe(
        content, row, input_type, output_type, float_outputs, ranges
    )
    quantized = _quantize(content, rules, ranges)
    if row.integer_only:
        _check_integer_only(quantized, row)
        quantized = fine_softmax.refine(quantized, ranges)
    model = packing.unpack(quantized)
    if row.activation_bits is not None:
        bias_scale.widen(model, content)
    integer_concatenation.concatenate(model)
    requantize.fold(model)
    if not row.integer_only:
        pixel_pairs.pair(model)
        split_heads.split(model)
        transpose_products.transpose(model)
    packing.drop_unused(model)
    packing.shorten_names(model)
    return packing.pack(model)


def _quantize(content, rules, ranges):
    from ai_edge_quantizer import quantizer

    statistics = ranges and {
        name: {"min": np.array([least]), "max": np.array([greatest])}
        for name, (least, greatest) in ranges.items()
    }
    with quiet():
        result = quantizer.Quantizer(content, rules).quantize(
            statistics, enable_progress_report=False
        )
    return bytes(result.quantized_model)


def _ranges(content, row, calibration, given):
    """Returns the given ranges and, for all other tensors, those of images."""
    operators = flatbuffer.operators(content)
    known = {
        tensor.name for op in operators for tensor in (*op.inputs, *op.results)
    }
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(
            f"Ranges are given for {unknown}, which are no tensors of the"
            f" model; such are {sorted(known)[:3]}"
        )
    wrong = {
        name: (least, greatest)
        for name, (least, greatest) in given.items()
        if not (np.isfinite([least, greatest]).all() and least <= greatest)
    }
    if wrong:
        raise ValueError(f"Not (least, greatest), finite: ranges {wrong}")
    if calibration is not None:
        found = calibrate(content, calibration)
        _check_input(content, found, given)
        return {**_with_room(found, operators, row), **given}
    made = {name for op in operators for name in op.outputs}
    if not made <= set(given):
        raise ValueError(f"Format {row.name!r} needs calibration images")
    return given


def _with_room(ranges, operators, row):
    """Returns ranges that values may leave a little, where that costs little.

    Calibration has seen one value an image of a tensor that has only one, such
    as the variance of a whole map; beyond the range it would be cut off, and
    with it all that is divided by it. 16 bits have one to spare for any tensor.
    """
    single = {
        tensor.name
        for op in operators
        for tensor in op.results
        if math.prod(tensor.shape) == 1
    }
    return {
        name: (_ROOM * least, _ROOM * greatest)
        if row.activation_bits == 16 or name in single
        else (least, greatest)
        for name, (least, greatest) in ranges.items()
    }


def _with_steps(ranges):
    """Returns ranges in which also what is always 0 has some length.

    Else its steps would have none, and kernels refuse to divide by them.
    """
    return {
        name: span if any(span) else (0.0, 1.0) for name, span in ranges.items()
    }


def _check_input(content, found, given):
    """Finds calibration images that were not scaled as the model's input."""
    (taken,) = flatbuffer.inputs(content)
    if taken.name not in given:
        return
    least, greatest = given[taken.name]
    slack = 1e-3 * (greatest - least)
    low, high = found[taken.name]
    if low < least - slack or high > greatest + slack:
        raise ValueError(
            f"Calibration images range from {low:g} to {high:g}; the model's"
            f" input from {least:g} to {greatest:g}"
        )


def _check_products(content, row):
    """Refuses what LiteRT could not load."""
    products = [
        op.outputs[0]
        for op in flatbuffer.operators(content)
        if op.name == "BATCH_MATMUL" and op.inputs[0].is_constant
    ]
    if row.activation_bits == 16 and products:
        raise ValueError(
            f"Format {row.name!r} needs a product of an 8-bit constant and a"
            f" 16-bit tensor, which LiteRT has only the other way round:"
            f" {', '.join(products)}"
        )


def _check_integer_only(content, row):
    """Names what the quantizer had to leave float32."""
    left = collections.Counter(
        op.name
        for op in flatbuffer.operators(content)
        if op.name not in ("QUANTIZE", "DEQUANTIZE")
        and any(tensor.dtype == "float32" for tensor in op.results)
    )
    if left:
        raise ValueError(
            f"Format {row.name!r} is integer only, and these operators have"
            " no integer form: "
            + ", ".join(f"{name} ({count})" for name, count in left.items())
        )

"""The formats of an exported file, as rows of data, and what makes them.

Every format but float32 is a recipe for ai-edge-quantizer, which turns the
float32 file into the quantized one.
"""

import dataclasses
import os
import re

import tqdm

from keras_mvit.export import convert, flatbuffer
from keras_mvit.quiet import quiet

_CHUNK = 16  # calibration images between two steps of the progress bar


@dataclasses.dataclass(frozen=True)
class Format:
    """One format of file.

    Args:
        name: str. What users call it and what file names end with.
        algorithm: str or None. Of ai-edge-quantizer; None leaves the float32
            file as it is.
        activations: bool. Whether activations are int8 as well, with ranges
            that were calibrated on images.
        float_ops: tuple of str. Operators that stay float32.
        max_relative_diff: float. Most that a logit may differ from Keras, in
            standard deviations of Keras' logits.
        min_agreement: float. Least share of test images with Keras' class.
        max_top1_drop: float. Most of Keras' top-1 that may be lost.
    """

    name: str
    algorithm: str | None
    activations: bool
    float_ops: tuple
    max_relative_diff: float
    min_agreement: float
    max_top1_drop: float


_CAST, _MIN_MAX = "float_casting", "min_max_uniform_quantize"

FORMATS = {
    row.name: row
    for row in [
        Format("float32", None, False, (), 1e-3, 0.99, 0.005),
        Format("float16", _CAST, False, (), 0.05, 0.98, 0.01),
        # XNNPACK has no depthwise kernel for float activations and int8
        # weights.
        Format(
            "dynamic", _MIN_MAX, False, ("DEPTHWISE_CONV_2D",), 1.0, 0.9, 0.02
        ),
        # XNNPACK has no int8 softmax, and the range of exponentials suits no
        # 8 bits; nor has it a ReLU that is fused to no convolution. A
        # concatenation would force one scale on its inputs; where their scales
        # are far apart, XNNPACK could not bridge them. Input and output: the
        # app should need no scales and zero points.
        Format(
            "int8", _MIN_MAX, True,
            ("SOFTMAX", "RELU", "CONCATENATION", "INPUT", "OUTPUT"),
            2.0, 0.8, 0.05,
        ),
    ]
}  # fmt: skip


def get_formats(names):
    """Returns the rows of `names`; `ValueError` if one is not known."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise ValueError(
            f"Unknown formats: {', '.join(unknown) or 'none given'}. Known"
            f" formats: {', '.join(FORMATS)}"
        )
    return [FORMATS[name] for name in dict.fromkeys(names)]


def quantize_file(content, row, calibration=None):
    """Makes a file of another format from the float32 one.

    Args:
        content: bytes. The float32 LiteRT file.
        row: Format.
        calibration: images.ModelInputs, or float32 (N, H, W, 3). Needed
            where `row.activations` says so.

    Returns:
        bytes.

    Raises:
        ValueError: calibration images are needed and missing.
    """
    from ai_edge_quantizer import quantizer

    if row.algorithm is None:
        return content
    if row.activations and calibration is None:
        raise ValueError(f"Format {row.name!r} needs calibration images")
    rules = recipe(content, row)
    ranges = None
    if row.activations:
        ranges = _calibrate(content, rules, calibration)
    with quiet():
        result = quantizer.Quantizer(content, rules).quantize(
            ranges, enable_progress_report=False
        )
    return bytes(result.quantized_model)


def recipe(content, row):
    """Returns the rules of `row` for one file; later rules win."""
    rules = [_rule(".*", "*", row.algorithm, _op_config(row))]
    if row.activations:
        # XNNPACK multiplies two int8 tensors only around a zero point of 0.
        symmetric = _op_config(row, symmetric=True)
        rules += [_rule(".*", "BATCH_MATMUL", row.algorithm, symmetric)]
        # It has no int8 kernels for SQUARED_DIFFERENCE and RSQRT, nor for an
        # ADD of scales as far apart as a variance and its epsilon. Each would
        # leave the delegate, at many times the cost of the float operator.
        rules += [
            _rule(re.escape(scope) + "/", "*", "no_quantize")
            for scope in normalization_scopes(content)
        ]
    rules += [
        _rule(re.escape(output), "BATCH_MATMUL", "no_quantize")
        for output in constant_products(content)
    ]
    return rules + [_rule(".*", op, "no_quantize") for op in row.float_ops]


def constant_products(content):
    """Returns the outputs of all products of a tensor and a constant matrix.

    They resize maps that a patch does not divide. LiteRT multiplies an int8
    matrix by a float tensor only from the right, and the weights of an
    interpolation are too few to be worth 8 bits.
    """
    return [
        op.outputs[0]
        for op in flatbuffer.operators(content)
        if op.name == "BATCH_MATMUL" and op.has_constant_input
    ]


def normalization_scopes(content):
    """Returns the name scopes of all layers that normalize at run time.

    Whatever their names, these are the layers with a reciprocal square root:
    a BatchNormalization has been folded into its convolution.
    """
    outputs = [
        op.outputs[0]
        for op in flatbuffer.operators(content)
        if op.name == "RSQRT"
    ]
    # "model/block/norm1/Rsqrt;fused names" -> "model/block/norm1"
    return sorted({o.split(";")[0].rpartition("/")[0] for o in outputs})


def _rule(scope, operation, algorithm, op_config=None):
    return {
        "regex": scope,
        "operation": operation,
        "algorithm_key": algorithm,
        "op_config": op_config or {},
    }


def _op_config(row, symmetric=False):
    if row.algorithm == _CAST:
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
    if row.activations:
        activations = _tensor(8, "TENSORWISE", symmetric=symmetric)
        config["activation_tensor_config"] = activations
    return config


def _tensor(num_bits, granularity, dtype="INT", symmetric=True):
    return {
        "num_bits": num_bits,
        "symmetric": symmetric,
        "granularity": granularity,
        "dtype": dtype,
    }


def _calibrate(content, rules, images):
    """Returns each tensor's range over all images: tensor -> min, max.

    The quantizer's own choice is a moving average, which depends on the order
    of the images and cuts off what the rarer of them need.
    """
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(rules)
    with quiet():
        calibration = calibrator.Calibrator(
            content,
            num_threads=os.cpu_count(),
            mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
            qsv_update_func=qsv_utils.min_max_update,
        )
    with tqdm.tqdm(
        total=len(images), desc="Calibrating", leave=False, disable=None
    ) as bar:
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            samples = [{convert.INPUT_NAME: image[None]} for image in chunk]
            with quiet():
                calibration.calibrate({convert.SIGNATURE: samples}, manager)
            bar.update(len(chunk))
    return calibration.get_model_qsvs()

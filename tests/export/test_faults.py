"""Faults that a quantized file might have do not pass the comparison."""

import dataclasses

import numpy as np
import pytest

from keras_mvit.export import compare, formats, packing, quantize
from keras_mvit.export.calibration import calibrate
from keras_mvit.export.images import ModelInputs

# By the noise of its logits alone.
INT8 = dataclasses.replace(
    formats.FORMATS["int8"], min_agreement=0.0, max_top1_drop=1.0
)


@pytest.fixture(scope="module")
def ranges(source, float32_file):
    images = ModelInputs(source.calibration.images, source.preprocessing)
    return calibrate(float32_file, images)


@pytest.fixture(scope="module")
def int8_file(float32_file, ranges):
    return quantize.quantize_file(float32_file, INT8, ranges=ranges)


@pytest.fixture(scope="module")
def reference(source):
    inputs = ModelInputs(source.test.images, source.preprocessing)
    return compare.Reference(source.model, inputs)


def _is_refused(reference, content):
    with pytest.raises(ValueError, match="logits differ by"):
        reference.judge(content, INT8)


@pytest.mark.parametrize("factor", [0.25, 8])
def test_ranges_that_are_too_small_or_too_large(
    factor, reference, float32_file, ranges
):
    wrong = {name: (factor * a, factor * b) for name, (a, b) in ranges.items()}
    _is_refused(
        reference, quantize.quantize_file(float32_file, INT8, ranges=wrong)
    )


def test_calibrated_on_black_images(reference, source, float32_file, int8_file):
    assert reference.judge(int8_file, INT8).rms_diff < 0.1
    black = 0 * source.calibration.images[:1]
    images = ModelInputs(black, source.preprocessing)
    _is_refused(reference, quantize.quantize_file(float32_file, INT8, images))


def _other_order(axis):
    """Reverses the filters (axis 0) or the channels of each (axis 3)."""

    def change(values, weights, bias, output):
        values[:] = np.flip(values, axis)

    return change


def _one_scale(values, weights, bias, output):
    scales = weights.quantization.scale
    weights.quantization.scale = np.full_like(scales, scales.mean())


def _scales_in_another_order(values, weights, bias, output):
    for tensor in (weights, bias):
        tensor.quantization.scale = tensor.quantization.scale[::-1]


def _no_negative_values(values, weights, bias, output):
    output.quantization.zeroPoint = np.int64([-128])


@pytest.mark.parametrize(
    "change, index",
    [
        (_other_order(axis=0), 0),
        (_other_order(axis=3), 1),  # the first one's images are gray
        (_one_scale, 0),
        (_one_scale, 1),
        (_scales_in_another_order, 0),
        (_scales_in_another_order, 1),
        (_no_negative_values, 0),
        (_no_negative_values, 1),
    ],
)
def test_a_convolution_with_a_fault(change, index, reference, int8_file):
    _is_refused(reference, _with_fault(int8_file, change, index))


def _with_fault(content, change, index):
    """Changes the convolution of that index."""
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    convolution = [
        op
        for op in graph.operators
        if packing.operator_name(model, op) == "CONV_2D"
    ][index]
    _, weights, bias = (graph.tensors[i] for i in convolution.inputs)
    buffer = model.buffers[weights.buffer]
    values = np.frombuffer(bytearray(buffer.data), np.int8)
    values = values.reshape(weights.shape)
    change(values, weights, bias, graph.tensors[convolution.outputs[0]])
    buffer.data = values.tobytes()
    return packing.pack(model)

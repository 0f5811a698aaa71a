import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_mvit.export import convert, flatbuffer, formats, quantize, winograd
from keras_mvit.export.interpret import LiteRTModel

SIZE = (12, 12)


def _file(*convolutions, size=SIZE, channels=48):
    """A float32 file, nothing split: an image, a map of channels, logits."""
    keras.utils.set_random_seed(0)
    image = keras.Input((*size, 3))
    x = layers.Conv2D(channels, 1, activation="tanh")(image)
    for convolution in convolutions:
        x = convolution(x)
    x = layers.Conv2D(2, 1)(x)  # smaller to compare than the map
    model = keras.Model(image, layers.Flatten()(x))
    for layer in model.layers:
        for weight in layer.weights:  # biases, too
            # Sums of about 1: in others activations are no measure of errors.
            scale = max(math.prod(weight.shape[:-1]), 1) ** -0.5
            weight.assign(scale * keras.random.normal(weight.shape))
    return convert.to_float32(model, size)


def _conv(units=48, kernel=3, padding="same", **kwargs):
    return layers.Conv2D(units, kernel, padding=padding, **kwargs)


def _check(content, split, bound=1e-5):
    (image,) = flatbuffer.inputs(content)
    images = np.random.default_rng(0).normal(size=(2, *image.shape[1:]))
    images = np.float32(images)
    expected = LiteRTModel(content).predict(images)
    answers = LiteRTModel(split).predict(images)
    assert np.abs(answers - expected).max() < bound * expected.std()


def _products(content):
    """Multiplications of weights in dense convolutions."""
    return sum(
        int(np.prod(op.inputs[1].shape) * np.prod(op.results[0].shape[1:3]))
        for op in flatbuffer.operators(content)
        if op.name == "CONV_2D"
    )


@settings(max_examples=5, deadline=None)
@given(
    height=st.integers(8, 20),
    half_width=st.integers(8, 10),
    channels=st.integers(48, 70),
    units=st.integers(48, 70),
    activation=st.sampled_from(["linear", "relu", "relu6", "silu", "tanh"]),
    use_bias=st.booleans(),
)
def test_the_answer_stays(
    height, half_width, channels, units, activation, use_bias
):
    size = (height, 2 * half_width)
    conv = _conv(units, activation=activation, use_bias=use_bias)
    content = _file(conv, size=size, channels=channels)
    split = winograd.split(content)
    pixels = height * 2 * half_width
    assert _products(content) - _products(split) == (
        3 * pixels * channels * units
    )
    _check(content, split)


def test_names_operators_and_partitions():
    content = _file(_conv(name="fusion", activation="relu"), _conv())
    split = winograd.split(content)
    counts = flatbuffer.op_histogram(split)
    assert counts["DEPTHWISE_CONV_2D"] == counts["CONV_2D"] - 2 == 8
    before = {op.outputs[0] for op in flatbuffer.operators(content)}
    after = [op.outputs[0] for op in flatbuffer.operators(split)]
    assert before <= set(after)
    assert len(set(after)) == len(after)  # ranges are known by name
    assert LiteRTModel(split).num_partitions == 1
    # One set of sums of pixels for both, as they have the same channels.
    sums = {
        op.inputs[1].index
        for op in flatbuffer.operators(split)
        if op.name == "DEPTHWISE_CONV_2D"
    }
    assert len(sums) == 4
    assert winograd.split(split) == split


@pytest.mark.parametrize(
    "conv, size",
    [
        (_conv(kernel=5), SIZE),
        (_conv(kernel=(3, 1)), SIZE),
        (_conv(kernel=1), SIZE),
        (_conv(strides=2), SIZE),
        (_conv(padding="valid"), SIZE),
        (_conv(dilation_rate=2), SIZE),
        (_conv(groups=2), SIZE),
        (_conv(units=47), SIZE),
        (_conv(), (12, 13)),
        (_conv(), (10, 12)),
        (layers.DepthwiseConv2D(3, padding="same"), SIZE),
    ],
)
def test_all_else_stays(conv, size):
    content = _file(conv, size=size)
    assert winograd.split(content) == content


@pytest.mark.parametrize("name", formats.FORMATS)
def test_which_formats_are_split(name):
    content = _file(_conv())
    row = formats.FORMATS[name]
    images = np.random.default_rng(0).random((4, *SIZE, 3), np.float32)
    made, whole = (
        quantize.quantize_file(content, row, images, split_convolutions=split)
        for split in (True, False)
    )
    assert (made != whole) == (name in ("float32", "float16"))
    assert flatbuffer.op_histogram(whole)["CONV_2D"] == 3
    _check(whole, made, bound=2e-3)
    partitions = LiteRTModel(whole).num_partitions
    assert LiteRTModel(made).num_partitions == partitions

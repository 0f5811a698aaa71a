import dataclasses

import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit.export import (
    convert,
    flatbuffer,
    formats,
    quantize,
    quantize_recipe,
)
from keras_mvit.export.calibration import calibrate, pixel_range
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.layers import find_layers
from tests.export.conftest import FORMATS
from tests.export.small_model import SIZE


def _read(exported, name):
    return (exported[0] / f"small_{name}.tflite").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_one_partition(exported, name):
    assert LiteRTModel(_read(exported, name)).num_partitions == 1


@pytest.mark.parametrize("name", FORMATS)
def test_float_input_and_output(exported, name):
    model = LiteRTModel(_read(exported, name))
    assert model.inputs[0]["dtype"] is np.float32
    assert model.outputs[0]["dtype"] is np.float32


def test_smaller_than_float32(exported):
    sizes = {name: len(_read(exported, name)) for name in FORMATS}
    assert sizes["float16"] < 0.65 * sizes["float32"]
    assert sizes["dynamic"] < 0.65 * sizes["float32"]
    assert sizes["int8"] < 0.65 * sizes["float32"]


def test_int8_without_its_exceptions_leaves_the_delegate(source, float32_file):
    # What `recipe` leaves in float32, it leaves for this reason.
    inputs = np.float32(source.calibration.images[:8]) / 255
    int8 = formats.FORMATS["int8"]
    bare = dataclasses.replace(int8, float_ops=())
    content = quantize.quantize_file(float32_file, bare, inputs)
    assert LiteRTModel(content).num_partitions > 1


def test_int8_needs_calibration_images(float32_file):
    with pytest.raises(ValueError, match="'int8' needs calibration images"):
        quantize.quantize_file(float32_file, formats.FORMATS["int8"])


def test_ranges_do_not_depend_on_the_order_of_images(source, float32_file):
    inputs = np.float32(source.calibration.images[:20]) / 255
    int8 = formats.FORMATS["int8"]
    once = quantize.quantize_file(float32_file, int8, inputs)
    again = quantize.quantize_file(float32_file, int8, inputs[::-1])
    zeros = quantize.quantize_file(float32_file, int8, 0 * inputs)
    assert once == again
    assert once != zeros


def test_every_operator_is_a_builtin(exported):
    for name in FORMATS:
        operators = flatbuffer.operators(_read(exported, name))
        assert all(op.is_builtin for op in operators)


def test_prints_nothing(source, float32_file, capfd):
    inputs = np.zeros((4, SIZE, SIZE, 3), np.float32)
    quantize.quantize_file(float32_file, formats.FORMATS["int8"], inputs)
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def calibration(source):
    return np.float32(source.calibration.images[:16]) / 255


@pytest.mark.parametrize("name", ["int8_full", "int16x8"])
def test_integer_only(name, source, float32_file, calibration):
    row = formats.FORMATS[name]
    content = quantize.quantize_file(float32_file, row, calibration)
    names = {
        op.name
        for op in flatbuffer.operators(content)
        if any(
            tensor.dtype == "float32" for tensor in (*op.inputs, *op.results)
        )
    }
    assert names == {"QUANTIZE", "DEQUANTIZE"}  # at the ends
    images = np.float32(source.test.images) / 255
    expected = LiteRTModel(float32_file).predict(images)
    answers = LiteRTModel(content).predict(images)
    assert np.mean(answers.argmax(-1) == expected.argmax(-1)) > 0.9


@pytest.mark.parametrize("name", ["int8_full", "int16x8"])
def test_integer_only_names_what_is_not(name):
    image = keras.Input((8, 8, 3))
    x = keras.ops.ceil(keras.layers.GlobalAveragePooling2D()(image))
    content = convert.to_float32(keras.Model(image, x), (8, 8))
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    row = formats.FORMATS[name]
    with pytest.raises(ValueError, match=r"integer form: CEIL \(1\)"):
        quantize.quantize_file(content, row, images)
    int8 = formats.FORMATS["int8"]
    assert quantize.quantize_file(content, int8, images)


@pytest.mark.parametrize("name", ["int8", "int8_full"])
@pytest.mark.parametrize(
    "types", [("int8", "int8"), ("uint8", "uint8"), ("uint8", "float32")]
)
def test_integers_in_and_out(name, types, source, float32_file, calibration):
    row = formats.FORMATS[name]
    ranges = pixel_range(float32_file, source.preprocessing)
    made = [
        LiteRTModel(
            quantize.quantize_file(float32_file, row, calibration, ranges, *io)
        )
        for io in [("float32", "float32"), types]
    ]
    floats, integers = made
    assert integers.inputs[0]["dtype"] == np.dtype(types[0])
    assert integers.outputs[0]["dtype"] == np.dtype(types[1])
    assert integers.inputs[0]["quantization"] == (
        pytest.approx(1 / 255),
        0 if types[0] == "uint8" else -128,
    )
    images = source.test.images[:8]
    expected = floats.predict(np.float32(images) / 255)
    answers = integers.predict(np.float32(images) / 255)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    if types[0] == "uint8":  # the pixels themselves
        integers.set_input(images[:1])
        integers.invoke()
        raw = integers._interpreter.get_tensor(integers.outputs[0]["index"])
        scale, zero_point = integers.outputs[0]["quantization"]
        logits = (raw - np.float32(zero_point)) * (scale or 1)
        np.testing.assert_allclose(logits, answers[:1], atol=1e-5)


def test_types_that_a_format_cannot_take(float32_file):
    row = formats.FORMATS["dynamic"]
    with pytest.raises(ValueError, match="'dynamic' takes .* no uint8"):
        quantize.quantize_file(float32_file, row, input_type="uint8")


def test_given_ranges_win(float32_file, calibration):
    int8 = formats.FORMATS["int8"]
    (product,) = [
        op.outputs[0]
        for op in flatbuffer.operators(float32_file)
        if op.name == "MUL" and "stem" in op.outputs[0]
    ]
    content = quantize.quantize_file(
        float32_file, int8, calibration, {product: (-1.0, 4.1)}
    )
    (scale,) = [
        op.results[0].quantization[0]
        for op in flatbuffer.operators(content)
        if op.name == "MUL" and "stem" in op.outputs[0]
    ]
    assert scale == pytest.approx(5.1 / 255)


def test_images_that_are_not_scaled(source, float32_file, calibration):
    int8 = formats.FORMATS["int8"]
    ranges = pixel_range(float32_file, source.preprocessing)
    with pytest.raises(ValueError, match="from 0 to 255; the model's .* to 1"):
        quantize.quantize_file(float32_file, int8, 255 * calibration, ranges)
    part = 0.5 * calibration
    assert quantize.quantize_file(float32_file, int8, part, ranges)


def test_ranges_of_all_tensors_need_no_images(float32_file, calibration):
    int8 = formats.FORMATS["int8"]
    ranges = calibrate(float32_file, calibration)
    once = quantize.quantize_file(float32_file, int8, None, ranges)
    assert once == quantize.quantize_file(float32_file, int8, calibration)


@pytest.mark.parametrize(
    "ranges, message",
    [
        ({"nowhere": (0.0, 1.0)}, r"\['nowhere'\], which are no tensors"),
        ({"serving_default_image:0": (1.0, 0.0)}, r"Not \(least, greatest\)"),
        ({"serving_default_image:0": (0.0, np.inf)}, r"finite: .*inf"),
    ],
)
def test_wrong_ranges(ranges, message, float32_file, calibration):
    int8 = formats.FORMATS["int8"]
    with pytest.raises(ValueError, match=message):
        quantize.quantize_file(float32_file, int8, calibration, ranges)


def test_some_layers_stay_float(float32_file, calibration):
    int8 = formats.FORMATS["int8"]
    (layer,) = [
        one for one in find_layers(float32_file) if "features" in one.name
    ]
    content = quantize.quantize_file(
        float32_file, int8, calibration, float_outputs=layer.outputs
    )
    for op in flatbuffer.operators(content):
        if op.name in ("CONV_2D", "FULLY_CONNECTED"):
            is_float = "features" in op.outputs[0]
            expected = "float32" if is_float else "int8"
            assert op.results[0].dtype == expected, op.outputs


def test_names_are_kept_where_somebody_asks(float32_file, exported):
    content = _read(exported, "int8")
    names = {op.outputs[0] for op in flatbuffer.operators(content)}
    expected = {
        op.outputs[0].split(";")[0] for op in flatbuffer.operators(float32_file)
    }
    assert expected <= names


@pytest.mark.parametrize("factor", [1e-4, 0.0])
def test_a_branch_that_adds_next_to_nothing(factor):
    """XNNPACK has no int8 sum of scales that are far apart."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 1, name="shortcut")(image)
    branch = keras.layers.Conv2D(4, 1, name="branch")
    y = branch(keras.ops.sigmoid(x))
    branch.kernel.assign(factor * branch.kernel)
    x = keras.layers.GlobalAveragePooling2D()(x + y)
    content = convert.to_float32(keras.Model(image, x), (8, 8))
    images = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    ranges = calibrate(content, images)
    int8 = formats.FORMATS["int8"]
    assert len(quantize_recipe.far_apart_sums(content, ranges)) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize_recipe, "far_apart_sums", lambda *_: [])
        without = quantize.quantize_file(content, int8, ranges=ranges)
    made = quantize.quantize_file(content, int8, ranges=ranges)
    if factor:  # what is always 0 may have any scale
        assert LiteRTModel(without).num_partitions > 1
    assert LiteRTModel(made).num_partitions == 1
    expected = LiteRTModel(content).predict(images)
    error = np.abs(LiteRTModel(made).predict(images) - expected).max()
    assert error < 0.02 * np.abs(expected).max()
    larger = {name: (-1.0, 1.0) for name in ranges}
    assert quantize_recipe.far_apart_sums(content, larger) == []


def test_products_with_a_constant():
    """Its rows differ in size, and LiteRT has one scale for all of them."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(1, 8, 8)) * np.logspace(0, 2, 8)[:, None]
    image = keras.Input((8, 8, 3))
    x = keras.layers.Reshape((8, 24))(image)
    x = keras.ops.matmul(matrix.astype(np.float32), x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    content = convert.to_float32(keras.Model(image, x), (8, 8))
    assert len(quantize_recipe.constant_products(content)) == 1
    images = random.random((20, 8, 8, 3), np.float32)
    int8_full = formats.FORMATS["int8_full"]
    made = LiteRTModel(quantize.quantize_file(content, int8_full, images))
    expected = LiteRTModel(content).predict(images)
    error = np.abs(made.predict(images) - expected).max()
    assert error < 0.05 * np.abs(expected).max()
    int16x8 = formats.FORMATS["int16x8"]
    with pytest.raises(ValueError, match="only the other way round: .*MatMul"):
        quantize.quantize_file(content, int16x8, images)


@pytest.mark.parametrize(
    "name, error", [("int8_full", 0.08), ("int16x8", 0.03)]
)
@pytest.mark.parametrize("contrast", [0.5, 1.2])
def test_an_image_of_another_contrast_is_normalized_right(
    name, error, contrast
):
    # Its variance is one number, and beyond all that calibration has seen.
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras_mvit.layers.LayerNorm2D()(image)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x))
    content = convert.to_float32(keras.Model(image, x), (8, 8))
    noise = np.random.default_rng(0).uniform(-0.4, 0.4, (6, 8, 8, 3))
    contrasts = np.linspace(0.7, 1, 6)[:, None, None, None]
    images = np.float32(0.5 + contrasts * noise)
    (taken,) = flatbuffer.inputs(content)
    quantized = quantize.quantize_file(
        content, name, images, {taken.name: (0.0, 1.0)}
    )
    other = np.float32(0.5 + contrast * noise)
    expected = LiteRTModel(content).predict(other)
    answers = LiteRTModel(quantized).predict(other)
    assert np.sqrt(np.mean((answers - expected) ** 2)) < error * expected.std()

import dataclasses

import keras
import numpy as np
import pytest

from keras_mvit.export import convert, flatbuffer, quantize
from keras_mvit.export.interpret import LiteRTModel
from tests.export.conftest import FORMATS
from tests.export.small_model import SIZE


def _read(exported, name):
    return (exported[0] / f"small_{name}.tflite").read_bytes()


def test_formats_are_known():
    assert list(quantize.FORMATS) == FORMATS
    rows = quantize.get_formats(["int8", "float32", "int8"])
    assert [row.name for row in rows] == ["int8", "float32"]


@pytest.mark.parametrize("names", [["int9"], ["float32", "int9"], []])
def test_unknown_formats_are_named(names):
    with pytest.raises(ValueError, match="Known formats: float32, float16"):
        quantize.get_formats(names)


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
    int8 = quantize.FORMATS["int8"]
    bare = dataclasses.replace(int8, float_ops=("INPUT", "OUTPUT"))
    content = quantize.quantize_file(float32_file, bare, inputs)
    assert LiteRTModel(content).num_partitions > 1


def test_normalization_is_found_by_what_it_does():
    image = keras.Input((8, 8, 3))
    x = keras.layers.LayerNormalization(name="any_name")(image)
    x = keras.layers.Conv2D(4, 3, name="norm")(x)
    x = keras.layers.GroupNormalization(2, name="another")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    content = convert.to_float32(keras.Model(image, x, name="m"), (8, 8))
    scopes = quantize.normalization_scopes(content)
    assert len(scopes) == 2
    assert "another" in scopes[0]
    assert "any_name" in scopes[1]


def test_int8_needs_calibration_images(float32_file):
    with pytest.raises(ValueError, match="'int8' needs calibration images"):
        quantize.quantize_file(float32_file, quantize.FORMATS["int8"])


def test_ranges_do_not_depend_on_the_order_of_images(source, float32_file):
    inputs = np.float32(source.calibration.images[:20]) / 255
    int8 = quantize.FORMATS["int8"]
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
    quantize.quantize_file(float32_file, quantize.FORMATS["int8"], inputs)
    assert capfd.readouterr() == ("", "")

import json

import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.export import exporter, flatbuffer
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.learned_ranges import tensor_ranges
from keras_mvit.export.workdir import read_workdir
from keras_mvit.training.fake_quantize import FakeQuantize
from keras_mvit.training.quantize_aware import (
    calibrate,
    quantize_aware,
    write_ranges,
)
from tests.export.small_model import SIZE, small_model

KERNEL_OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _learned():
    """A range of its own for everything that training rounds."""
    paths = [
        layer.tensor_path
        for layer in quantize_aware(small_model(), SIZE)._flatten_layers()
        if isinstance(layer, FakeQuantize)
    ]
    return {path: (-1.0, 1.0 + index) for index, path in enumerate(paths)}


def test_finds_what_training_has_learned(float32_file):
    learned = _learned()
    found = tensor_ranges(float32_file, learned)
    operators = flatbuffer.operators(float32_file)
    kernels = [op.outputs[0] for op in operators if op.name in KERNEL_OPS]
    # The last is called after the file's output; export made these of qkv.
    unknown = [name for name in kernels[:-1] if name not in found]
    assert [name.split(";")[0].split("/")[-2] for name in unknown] == [
        "key",
        "query",
        "value",
    ]
    silus = [
        op.outputs[0]
        for op in operators
        if op.name == "MUL" and op.outputs[0] in found
    ]
    assert len(silus) == sum(op.name == "LOGISTIC" for op in operators) == 6
    assert found[kernels[0]] == learned["stem/conv"]
    assert found[silus[0]] == learned["stem/silu_1"]
    assert len(set(found.values())) == len(found)


def test_ranges_of_another_model(float32_file):
    with pytest.raises(ValueError, match="of another model: it has ranges of"):
        tensor_ranges(float32_file, {"trunk/conv": (0.0, 1.0)})


def test_the_file_has_the_learned_scale(copied_dir, tmp_path):
    ranges = {"stem/conv": (-4.0, 98.0), "stem/silu_1": (-0.5, 50.0)}
    (copied_dir / "quantization.json").write_text(
        json.dumps({"ranges": ranges})
    )
    source = read_workdir(str(copied_dir))
    assert source.ranges == ranges
    exporter.export(
        source, ["int8"], str(tmp_path), num_calibration_images=8, log=len
    )
    content = (tmp_path / "small_int8.tflite").read_bytes()
    conv = next(
        op for op in flatbuffer.operators(content) if op.name == "CONV_2D"
    )
    scale, zero_point = conv.results[0].quantization
    assert scale == pytest.approx(102 / 255, rel=0.01)
    assert zero_point == -118


def test_the_file_rounds_as_training_does(source, copied_dir, tmp_path):
    aware = quantize_aware(source.model, SIZE)
    images = np.float32(source.calibration.images) / 255
    batches = tf.data.Dataset.from_tensor_slices((images, images)).batch(32)
    calibrate(aware, batches)
    write_ranges(str(copied_dir / "quantization.json"), aware)
    exporter.export(
        read_workdir(str(copied_dir)),
        ["int8"],
        str(tmp_path),
        num_calibration_images=64,
        log=len,
    )
    content = (tmp_path / "small_int8.tflite").read_bytes()
    exact = source.model.predict(images, verbose=0)
    errors = [
        LiteRTModel(content).predict(images) - exact,
        aware.predict(images, verbose=0) - exact,
    ]
    # Independent roundings would have nothing in common.
    assert np.corrcoef(*map(np.ravel, errors))[0, 1] > 0.35
    assert 0.5 < np.std(errors[0]) / np.std(errors[1]) < 2


def test_an_ordinary_work_directory_has_none(source):
    assert source.ranges is None


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"ranges": {"stem/conv": [1]}}']
)
def test_damaged(copied_dir, text):
    (copied_dir / "quantization.json").write_text(text)
    with pytest.raises(ValueError, match="quantization.json is damaged"):
        read_workdir(str(copied_dir))

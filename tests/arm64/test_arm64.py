"""Every format's file on an emulated Cortex-A76, beside this machine.

`make test-arm64` prepares what this needs.
"""

import os
import pathlib
import platform
import subprocess

import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit.export import (
    convert,
    exporter,
    formats,
    images,
    quantize,
    workdir,
)
from keras_mvit.export.interpret import LiteRTModel
from tests.export.small_model import write_workdir

_HERE = pathlib.Path(__file__).parent
_ARM64 = pathlib.Path(os.environ.get("ARM64_DIR", ".arm64")).resolve()
_VARIANTS = ["mobilevit_xxs", "mobilevitv2_050", "cmt_ti"]
_FLOAT = ["float32", "float16"]

pytestmark = pytest.mark.large


def _run_on_arm64(folder):
    command = [_ARM64 / "root/usr/bin/python3", _HERE / "run_files.py", folder]
    if platform.machine() != "aarch64":
        qemu = _ARM64 / "qemu/usr/bin/qemu-aarch64"
        command = [qemu, "-cpu", "cortex-a76", "-L", _ARM64 / "root", *command]
    subprocess.run(
        command, check=True, env={"PYTHONPATH": str(_ARM64 / "site")}
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """{(model, format): (answers here, answers there)}."""
    if not (_ARM64 / "ready").exists():
        pytest.skip(f"No arm64 environment in {_ARM64}: see make test-arm64")
    folder = tmp_path_factory.mktemp("arm64")
    _write_trained(folder, tmp_path_factory.mktemp("trained"))
    for variant in _VARIANTS:
        _write_random(folder, variant)
    _run_on_arm64(folder)
    found = {}
    for path in folder.glob("*.tflite"):
        model, name = path.stem.split("-")
        inputs = np.load(folder / f"{model}.npy")
        here = LiteRTModel(path.read_bytes(), 1).predict(inputs)
        there = np.load(folder / f"{path.stem}.answers.npy")
        found[model, name] = here, there
    return found


def _write_trained(folder, trained):
    """A trained model in all formats, and 100 test images."""
    source = workdir.read_workdir(str(write_workdir(trained)))
    exporter.export(source, list(formats.FORMATS), str(trained), 64, log=len)
    for path in trained.glob("*.tflite"):
        name = path.stem.removeprefix("small_")
        (folder / f"small-{name}.tflite").write_bytes(path.read_bytes())
    inputs = images.ModelInputs(source.test.images, source.preprocessing)
    np.save(folder / "small.npy", inputs[:])


def _write_random(folder, variant):
    """A variant of native size, random weights, in all formats."""
    keras.utils.set_random_seed(0)
    model = keras_mvit.create_model(variant, num_classes=10)
    size = model.input_shape[1:3]
    inputs = np.random.default_rng(0).random((4, *size, 3), "float32")
    content = convert.to_float32(model, size)
    for row in formats.FORMATS.values():
        quantized = quantize.quantize_file(content, row, inputs)
        (folder / f"{variant}-{row.name}.tflite").write_bytes(quantized)
    np.save(folder / f"{variant}.npy", inputs[:2])


@pytest.mark.parametrize("name", _FLOAT)
@pytest.mark.parametrize("model", ["small", *_VARIANTS])
def test_floats_are_those_of_this_machine(answers, model, name):
    here, there = answers[model, name]
    assert np.abs(there - here).max() <= 1e-4 * np.abs(here).max()


@pytest.mark.parametrize("name", sorted(set(formats.FORMATS) - {*_FLOAT}))
def test_classes_are_those_of_this_machine(answers, name):
    here, there = answers["small", name]
    assert len(here) == 100
    assert len(set(here.argmax(-1))) == 10  # not always the same class
    assert np.mean(here.argmax(-1) == there.argmax(-1)) >= 0.95


@pytest.mark.parametrize("name", sorted(set(formats.FORMATS) - {*_FLOAT}))
@pytest.mark.parametrize("model", _VARIANTS)
def test_integers_are_about_those_of_this_machine(answers, model, name):
    here, there = answers[model, name]
    assert np.sqrt(np.mean((there - here) ** 2)) <= 0.1 * here.std()

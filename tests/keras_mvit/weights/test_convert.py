import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit import models
from keras_mvit.weights.conversion import convert
from tests import golden

NAME = "mobilevit_xxs"


@pytest.fixture(scope="module")
def state():
    return golden.state_dict(f"timm.{NAME}")


@pytest.fixture(scope="module")
def checkpoint(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "weights.npz"
    np.savez(path, **state)
    return os.fspath(path)


def test_the_file_gives_the_checkpoint_s_answers(state, checkpoint, tmp_path):
    output = os.fspath(tmp_path / "new" / "model.keras")
    convert(checkpoint, NAME, output)
    assert os.listdir(tmp_path / "new") == ["model.keras"]
    loaded = keras.saving.load_model(output)
    assert loaded.input_shape == (None, None, None, 3)
    expected = keras_mvit.create_model(NAME, input_shape=(None, None, 3))
    keras_mvit.load_reference_weights(expected, state)
    image = np.random.default_rng(0).random((1, 64, 64, 3), "float32")
    np.testing.assert_array_equal(loaded(image), expected(image))


def test_flags_reach_the_model(checkpoint, tmp_path):
    output = os.fspath(tmp_path / "model.keras")
    model = convert(
        checkpoint, NAME, output, num_classes=0, image_size=64, flip_stem=True
    )
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 320)
    plain = convert(checkpoint, NAME, output, source="timm", num_classes=0)
    kernels = [m.get_layer("stem").conv.kernel.numpy() for m in (model, plain)]
    np.testing.assert_array_equal(kernels[0], kernels[1][:, :, ::-1])


def _bad_checkpoint(state, tmp_path, name, value):
    np.savez(tmp_path / "bad.npz", **(state | {name: value}))
    return os.fspath(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    "tensor, value, message",
    [
        ("head.fc.bias", np.full(1000, np.nan), "no finite answer"),
        ("head.fc.bias", np.zeros(7), "1 difference, nothing was loaded"),
        ("extra", np.zeros(7), "superfluous: extra"),
    ],
)
def test_a_bad_checkpoint_leaves_the_old_file(
    state, tmp_path, tensor, value, message
):
    output = tmp_path / "model.keras"
    output.write_text("old")
    path = _bad_checkpoint(state, tmp_path, tensor, value)
    with pytest.raises(ValueError, match=message):
        convert(path, NAME, os.fspath(output))
    assert output.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["bad.npz", "model.keras"]


def test_a_failed_write_leaves_the_old_file(checkpoint, tmp_path, monkeypatch):
    output = tmp_path / "model.keras"
    output.write_text("old")

    def save(model, path):
        with open(path, "w") as file:
            file.write("half")
        raise OSError("disk full")

    monkeypatch.setattr(keras.Model, "save", save)
    with pytest.raises(OSError, match="disk full"):
        convert(checkpoint, NAME, os.fspath(output))
    assert output.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_other_parameters_than_published_are_refused(
    checkpoint, tmp_path, monkeypatch
):
    variant = models.get_variant(NAME)
    wrong = dataclasses.replace(variant, parameters=variant.parameters - 1)
    monkeypatch.setitem(models.registry._VARIANTS, NAME, wrong)
    with pytest.raises(ValueError, match="1,272,023.*1,272,024"):
        convert(checkpoint, NAME, os.fspath(tmp_path / "model.keras"))
    assert os.listdir(tmp_path) == []


def test_cmt_has_its_own_size(tmp_path):
    path = tmp_path / "cmt.npz"
    np.savez(path, **golden.state_dict("cmt.cmt_ti"))
    output = os.fspath(tmp_path / "model.keras")
    model = convert(os.fspath(path), "cmt_ti", output)
    assert model.input_shape == (None, 160, 160, 3)


def _run(*flags):
    module = "keras_mvit.weights.convert"
    return subprocess.run(
        [sys.executable, "-m", module, *flags], capture_output=True, text=True
    )


def test_command(checkpoint, tmp_path):
    output = tmp_path / "model.keras"
    done = _run(
        f"--checkpoint={checkpoint}", f"--model={NAME}", f"--output={output}"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "1,272,024 parameters" in done.stdout
    assert str(output) in done.stdout
    assert output.exists()


def test_command_refuses_other_extensions(checkpoint, tmp_path):
    output = tmp_path / "model.h5"
    done = _run(
        f"--checkpoint={checkpoint}", f"--model={NAME}", f"--output={output}"
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ") and "must end in .keras" in line
    assert not output.exists()

import json

import numpy as np
import pytest

from keras_mvit.export import workdir
from keras_mvit.export.workdir import read_workdir


def test_reads_everything(source):
    assert source.name == "small"
    assert source.labels == tuple("0123456789")
    assert source.preprocessing.image_size == (32, 32)
    assert source.model.input_shape == (None, None, None, 3)
    assert source.calibration.images.shape == (64, 32, 32, 3)
    assert len(source.test.labels) == 100


def test_missing():
    with pytest.raises(ValueError, match="no work directory 'nowhere'"):
        read_workdir("nowhere")


def test_untrained(copied_dir):
    (copied_dir / "model.keras").unlink()
    with pytest.raises(ValueError, match="not trained yet: .* model.keras"):
        read_workdir(str(copied_dir))


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "labels.txt",
        "preprocessing.json",
        "calibration.npz",
        "test.npz",
    ],
)
def test_half_written(copied_dir, name):
    (copied_dir / name).unlink()
    with pytest.raises(ValueError, match=f"it lacks {name}"):
        read_workdir(str(copied_dir))


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "preprocessing.json",
        "calibration.npz",
        "test.npz",
        "model.keras",
    ],
)
def test_cut_in_half(copied_dir, name):
    content = (copied_dir / name).read_bytes()
    (copied_dir / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"{name} (is damaged|cannot be)"):
        read_workdir(str(copied_dir))


def test_a_model_of_other_classes(copied_dir):
    (copied_dir / "labels.txt").write_text("cat\ndog\n")
    with pytest.raises(ValueError, match="10 classes, labels.txt 2"):
        read_workdir(str(copied_dir))


def test_images_of_another_size(copied_dir):
    np.savez(copied_dir / "test.npz", images=np.zeros((2, 16, 16, 3), "uint8"))
    with pytest.raises(ValueError, match="16 x 16 pixels; expected 32 x 32"):
        read_workdir(str(copied_dir))


@pytest.mark.parametrize("text", ["", "a\n\nb\n"])
def test_labels_that_are_none(copied_dir, text):
    (copied_dir / "labels.txt").write_text(text)
    with pytest.raises(ValueError, match="labels.txt is damaged"):
        read_workdir(str(copied_dir))


@pytest.mark.parametrize("values", [{}, {"image_size": 32}, []])
def test_preprocessing_of_another_kind(tmp_path, values):
    file = tmp_path / "preprocessing.json"
    file.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="damaged.*Expected image_size"):
        workdir.read_preprocessing(file)


@pytest.mark.parametrize(
    "name, value",
    [
        ("image_size", [32, -32]),
        ("image_size", [32.5, 32]),
        ("mean", [0.5, 0.5]),
        ("mean", "0.5"),
        ("mean", [0.5, 0.5, float("nan")]),
        ("std", [1.0, 1.0, 0.0]),
        ("std", [1.0, 1.0, None]),
        ("channel_order", "rbg"),
        ("channel_order", []),
        ("crop_fraction", 0.0),
        ("crop_fraction", 1.1),
        ("crop_fraction", "1"),
        ("interpolation", "cubic"),
    ],
)
def test_preprocessing_that_none_has(copied_dir, name, value):
    file = copied_dir / "preprocessing.json"
    values = json.loads(file.read_text())
    workdir.read_preprocessing(file)
    file.write_text(json.dumps({**values, name: value}))
    with pytest.raises(ValueError, match=f"json is damaged: {name} is .*; exp"):
        workdir.read_preprocessing(file)


@pytest.mark.parametrize("values", [{}, [], {"model": 3}])
def test_config_of_another_kind(tmp_path, values):
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match="does not name a model"):
        workdir.read_config(tmp_path)

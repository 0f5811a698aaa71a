import dataclasses
import json
import os

import numpy as np
import pytest

from keras_mvit.training import evaluate_workdir, train_model
from keras_mvit.training.history import COLUMNS
from tests.training.conftest import load, read_history

pytestmark = pytest.mark.usefixtures("tiny_model")
CONTRACT = {
    ".lock",
    "config.json",
    "labels.txt",
    "preprocessing.json",
    "calibration.npz",
    "test.npz",
    "augmentation.png",
    "history.csv",
    "tensorboard",
    "checkpoint.npz",
    "checkpoint_previous.npz",
    "model.keras",
    "best.keras",
    "evaluation.json",
    "confusion.png",
    "curves.png",
    "summary.md",
}


def test_leaves_the_work_directory_of_the_contract(finished_run):
    settings, history = finished_run
    assert set(os.listdir(settings.workdir)) == CONTRACT
    rows = read_history(settings)
    assert tuple(rows[0]) == COLUMNS == tuple(history[0])
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["images"] for row in rows] == ["12", "12"]

    def read(name):
        with open(os.path.join(settings.workdir, name)) as file:
            return file.read()

    assert read("labels.txt") == "cat\ndog\n"
    config = json.loads(read("config.json"))
    assert config["model"] == "mobilevit_xxs" and config["epochs"] == 2
    assert config["buckets"][0] == {"size_px": 32, "batch_size": 4}
    assert config["num_images"] == {"train": 12, "test": 4}
    assert json.loads(read("preprocessing.json"))["image_size"] == [32, 32]
    evaluation = json.loads(read("evaluation.json"))
    assert evaluation["top1"] == history[-1]["val_top1"]
    assert evaluation["images"] == 4
    for name, count in (("calibration", 12), ("test", 4)):
        with np.load(os.path.join(settings.workdir, f"{name}.npz")) as file:
            assert file["images"].shape == (count, 32, 32, 3)
            assert file["images"].dtype == np.uint8
            assert file["labels"].shape == (count,)
            assert file["labels"].dtype == np.int64
            # Each class is a colour of its own.
            colours = file["images"].mean(axis=(1, 2))[:, :2].argmax(axis=1)
            np.testing.assert_array_equal(colours, file["labels"])


def test_the_model_file_is_ready_for_export(finished_run):
    settings, history = finished_run
    model = load(settings)
    assert not model.compiled
    assert model.input_shape == (None, None, None, 3)
    assert {str(v.dtype) for v in model.weights} == {"float32"}
    with np.load(os.path.join(settings.workdir, "test.npz")) as file:
        logits = model.predict(file["images"] / 255.0, verbose=0)
        top1 = np.mean(logits.argmax(axis=-1) == file["labels"])
    assert top1 == pytest.approx(history[-1]["val_top1"])


def test_best_is_the_best(finished_run):
    settings, history = finished_run
    best = max(row["val_top1"] for row in history)
    model = load(settings, "best.keras")
    with np.load(os.path.join(settings.workdir, "test.npz")) as file:
        logits = model.predict(file["images"] / 255.0, verbose=0)
        assert np.mean(logits.argmax(axis=-1) == file["labels"]) == best


def test_what_a_killed_run_did_not_write_is_made_up_for(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    for name in ("model.keras", "history.csv", "evaluation.json"):
        os.remove(os.path.join(settings.workdir, name))
    train_model(settings)
    assert set(os.listdir(settings.workdir)) == CONTRACT


def test_other_numbers_of_images_are_kept_for_the_export(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    train_model(dataclasses.replace(settings, calibration_images=5))
    with np.load(os.path.join(settings.workdir, "calibration.npz")) as file:
        assert len(file["images"]) == len(file["labels"]) == 5


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": "mobilevit_s"}, "model=mobilevit_xxs, not mobilevit_s"),
        ({"dataset": "digits"}, "dataset=folder:.*, not digits"),
        ({"image_size": 64}, "image_size=32, not 64"),
        ({"crop_fraction": 0.5}, "crop_fraction=.*, not 0.5"),
        ({"interpolation": "bicubic"}, "interpolation=bilinear, not bicubic"),
        (
            {"jit_compile": True, "deterministic": True},
            "must not both be True",
        ),
    ],
)
def test_a_work_directory_of_another_run(run_of_two_epochs, change, words):
    settings, _ = run_of_two_epochs
    before = os.listdir(settings.workdir)
    with pytest.raises(ValueError, match=words):
        train_model(dataclasses.replace(settings, **change))
    assert os.listdir(settings.workdir) == before


def test_a_work_directory_of_other_classes(run_of_two_epochs, image_folder):
    settings, _ = run_of_two_epochs
    for split in ("train", "test"):
        os.rename(image_folder / split / "dog", image_folder / split / "cow")
    with pytest.raises(ValueError, match="classes cat, dog, not cat, cow"):
        train_model(settings)


def test_evaluate_agrees_with_training(run_of_two_epochs):
    settings, history = run_of_two_epochs
    path = os.path.join(settings.workdir, "evaluation.json")
    os.remove(path)
    result = evaluate_workdir(settings.workdir, batch_size=3)
    assert result["images"] == 4
    for key in ("top1", "top5", "loss"):
        expected = history[-1][f"val_{key}"]
        assert result[key] == pytest.approx(expected, rel=1e-5)
    with open(path) as file:
        assert {**json.load(file), "files": result["files"]} == result


def test_evaluate_without_a_trained_model(tmp_path, run_of_two_epochs):
    with pytest.raises(ValueError, match="is no work directory"):
        evaluate_workdir(str(tmp_path))
    settings, _ = run_of_two_epochs
    path = os.path.join(settings.workdir, "model.keras")
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(ValueError, match="model.keras cannot be loaded"):
        evaluate_workdir(settings.workdir)
    os.remove(path)
    with pytest.raises(ValueError, match="no epoch has been finished"):
        evaluate_workdir(settings.workdir)

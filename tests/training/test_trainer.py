import csv
import dataclasses
import json
import os

import keras
import numpy as np
import pytest

from keras_mvit.training import evaluate_workdir, train_model
from keras_mvit.training.history import COLUMNS
from keras_mvit.training.trainer import DivergedError

pytestmark = pytest.mark.usefixtures("tiny_model")
CONTRACT = {
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
}


def read_history(settings):
    with open(os.path.join(settings.workdir, "history.csv")) as file:
        return list(csv.DictReader(file))


def load(settings, name="model.keras"):
    path = os.path.join(settings.workdir, name)
    return keras.saving.load_model(path)


def weights_equal(model, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )


def interrupt_at(step, patch):
    """Makes training stop, as by Ctrl-C, at the end of some step."""
    count = 0
    fit = keras.Model.fit

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            nonlocal count
            count += 1
            if count == step:
                raise KeyboardInterrupt

    def interrupted(model, *args, callbacks, **kwargs):
        return fit(model, *args, callbacks=[*callbacks, Interrupt()], **kwargs)

    patch.setattr(keras.Model, "fit", interrupted)


def test_leaves_the_work_directory_of_the_contract(settings, capsys):
    history = train_model(settings)
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
    output = capsys.readouterr().out
    assert "epoch 2/2" in output and "Finished: 2 epochs" in output


def test_the_model_file_is_ready_for_export(settings):
    history = train_model(settings)
    model = load(settings)
    assert not model.compiled
    assert model.input_shape == (None, None, None, 3)
    assert {str(v.dtype) for v in model.weights} == {"float32"}
    with np.load(os.path.join(settings.workdir, "test.npz")) as file:
        logits = model.predict(file["images"] / 255.0, verbose=0)
        top1 = np.mean(logits.argmax(axis=-1) == file["labels"])
    assert top1 == pytest.approx(history[-1]["val_top1"])


def test_best_is_the_best(settings):
    settings = dataclasses.replace(settings, epochs=4)
    history = train_model(settings)
    best = max(row["val_top1"] for row in history)
    model = load(settings, "best.keras")
    with np.load(os.path.join(settings.workdir, "test.npz")) as file:
        logits = model.predict(file["images"] / 255.0, verbose=0)
        assert np.mean(logits.argmax(axis=-1) == file["labels"]) == best


@pytest.mark.parametrize("step", [2, 8])
def test_an_interrupted_run_goes_on_to_the_same_end(
    settings, monkeypatch, step
):
    settings = dataclasses.replace(settings, epochs=3)
    with monkeypatch.context() as patch:
        interrupt_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train_model(settings)
    resumed = train_model(settings)
    whole = dataclasses.replace(settings, workdir=settings.workdir + "_whole")
    uninterrupted = train_model(whole)
    assert len(resumed) == len(uninterrupted) == 3
    for row, expected in zip(resumed, uninterrupted, strict=True):
        for key in ("epoch", "steps", "images", "learning_rate"):
            assert row[key] == expected[key]
        for key in ("loss", "top1", "val_loss", "val_top1"):
            assert row[key] == pytest.approx(expected[key], rel=1e-5)
    assert len(read_history(settings)) == 3
    for a, b in zip(
        load(settings).get_weights(), load(whole).get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_finished_run_stays_as_it_is(settings, capsys):
    history = train_model(settings)
    model = load(settings)
    assert train_model(settings) == history
    assert "2 epochs are already trained" in capsys.readouterr().out
    assert weights_equal(load(settings), model)
    fewer = dataclasses.replace(settings, epochs=1)
    assert train_model(fewer) == history


def test_more_epochs_go_on(settings):
    history = train_model(settings)
    more = train_model(dataclasses.replace(settings, epochs=3))
    assert more[:2] == history and len(more) == 3


def test_what_a_killed_run_did_not_write_is_made_up_for(settings):
    train_model(settings)
    for name in ("model.keras", "history.csv", "evaluation.json"):
        os.remove(os.path.join(settings.workdir, name))
    train_model(settings)
    assert set(os.listdir(settings.workdir)) == CONTRACT


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": "mobilevit_s"}, "model=mobilevit_xxs, not mobilevit_s"),
        ({"dataset": "digits"}, "dataset=folder:.*, not digits"),
        ({"image_size": 64}, "image_size=32, not 64"),
    ],
)
def test_a_work_directory_of_another_run(settings, change, words):
    train_model(dataclasses.replace(settings, epochs=1))
    before = os.listdir(settings.workdir)
    with pytest.raises(ValueError, match=words):
        train_model(dataclasses.replace(settings, **change))
    assert os.listdir(settings.workdir) == before


def test_a_work_directory_of_other_classes(settings, image_folder):
    train_model(dataclasses.replace(settings, epochs=1))
    for split in ("train", "test"):
        os.rename(image_folder / split / "dog", image_folder / split / "cow")
    with pytest.raises(ValueError, match="classes cat, dog, not cat, cow"):
        train_model(settings)


def test_a_loss_that_is_no_number_stops_the_run(settings, monkeypatch):
    train_model(dataclasses.replace(settings, epochs=1))
    model = load(settings)
    with monkeypatch.context() as patch:
        _nan_at_the_second_step(patch)
        with pytest.raises(DivergedError, match="nan at epoch 2, step 2 of"):
            train_model(settings)
    assert weights_equal(load(settings), model)
    assert len(train_model(settings)) == 2  # from the good checkpoint


def test_weights_that_diverge_in_the_last_step_are_not_kept(
    settings, monkeypatch
):
    train_model(dataclasses.replace(settings, epochs=1))
    with monkeypatch.context() as patch:
        patch.setattr(
            "keras_mvit.training.trainer.Evaluator",
            lambda model: (
                lambda data: {
                    "loss": float("nan"),
                    "top1": 0.0,
                    "top5": 0.0,
                }
            ),
        )
        with pytest.raises(DivergedError, match="nan at epoch 2"):
            train_model(settings)
    assert len(read_history(settings)) == 1


def test_a_bad_image_is_named_and_can_be_left_out(
    settings, image_folder, capsys
):
    path = image_folder / "train" / "dog" / "2.jpg"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=str(path)):
        train_model(settings)
    assert "model.keras" not in os.listdir(settings.workdir)
    history = train_model(dataclasses.replace(settings, skip_bad_images=True))
    assert [row["images"] for row in history] == [11, 11]
    output = capsys.readouterr().out
    assert "Left out 1 unreadable train images" in output
    assert str(path) in output


def test_a_file_that_goes_bad_during_training(settings, image_folder):
    one = dataclasses.replace(settings, epochs=1)
    train_model(one)
    path = image_folder / "train" / "dog" / "2.jpg"
    path.write_text("no image")
    with pytest.raises(ValueError, match=str(path)):
        train_model(settings)
    assert len(read_history(settings)) == 1


def test_mixed_precision_saves_float32(settings):
    settings = dataclasses.replace(
        settings, epochs=1, mixed_precision="float16"
    )
    train_model(settings)
    assert keras.config.dtype_policy().name == "float32"
    for layer in load(settings).layers:
        assert layer.compute_dtype == "float32"
    assert len(train_model(dataclasses.replace(settings, epochs=2))) == 2


def test_evaluate_agrees_with_training(settings):
    history = train_model(settings)
    path = os.path.join(settings.workdir, "evaluation.json")
    os.remove(path)
    result = evaluate_workdir(settings.workdir, batch_size=3)
    assert result["images"] == 4
    for key in ("top1", "top5", "loss"):
        expected = history[-1][f"val_{key}"]
        assert result[key] == pytest.approx(expected, rel=1e-5)
    with open(path) as file:
        assert json.load(file) == result


def test_evaluate_without_a_trained_model(tmp_path, settings):
    with pytest.raises(ValueError, match="is no work directory"):
        evaluate_workdir(str(tmp_path))
    train_model(dataclasses.replace(settings, epochs=1))
    path = os.path.join(settings.workdir, "model.keras")
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(ValueError, match="model.keras cannot be loaded"):
        evaluate_workdir(settings.workdir)
    os.remove(path)
    with pytest.raises(ValueError, match="no epoch has been finished"):
        evaluate_workdir(settings.workdir)


def _nan_at_the_second_step(patch):
    """Inputs that are good once and then not a number."""
    steps = keras.Variable(0.0)
    train_step = keras.Model.train_step

    def poisoned(model, data):
        x, y = data
        steps.assign_add(1.0)
        poison = keras.ops.where(steps < 2, 0.0, float("nan"))
        return train_step(model, (x + poison, y))

    patch.setattr(keras.Model, "train_step", poisoned)

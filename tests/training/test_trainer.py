import dataclasses
import gc
import os
import shutil

import keras
import numpy as np
import pytest
from tensorflow.python.data.ops.iterator_ops import OwnedIterator

from keras_mvit.training import train_model
from keras_mvit.training.callbacks import DivergedError
from keras_mvit.training.evaluation_counts import EvaluationCounts
from tests.training.conftest import load, read_history, weights_equal
from tests.training.interrupted import (
    diverge_from,
    interrupt,
    train_in_two_parts,
)

pytestmark = pytest.mark.usefixtures("tiny_model")


@pytest.mark.parametrize("step", [2, 6])
def test_an_interrupted_run_goes_on_to_the_same_end(
    settings, finished_run, step
):
    resumed = train_in_two_parts(settings, step)
    whole, uninterrupted = finished_run
    for row, expected in zip(resumed, uninterrupted, strict=True):
        for key in ("epoch", "steps", "images", "learning_rate"):
            assert row[key] == expected[key]
        for key in ("loss", "top1", "val_loss", "val_top1"):
            assert row[key] == pytest.approx(expected[key], rel=1e-5)
    assert len(read_history(settings)) == 2
    for a, b in zip(
        load(settings).get_weights(), load(whole).get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def iterators():
    # isinstance asks each object for its class, and some warn when asked.
    return [x for x in gc.get_objects() if issubclass(type(x), OwnedIterator)]


def test_no_thread_of_an_interrupted_run_goes_on(settings):
    before = set(map(id, iterators()))
    error = interrupt(settings, 1)  # which is kept, with its frames
    assert error.tb is not None
    assert {id(x) for x in iterators()} <= before


def test_a_finished_run_stays_as_it_is(run_of_two_epochs, capsys):
    settings, history = run_of_two_epochs
    model = load(settings)
    assert train_model(settings) == history
    assert "2 epochs are already trained" in capsys.readouterr().out
    assert weights_equal(load(settings), model)
    fewer = dataclasses.replace(settings, epochs=1)
    assert train_model(fewer) == history


def test_more_epochs_go_on(run_of_two_epochs):
    settings, history = run_of_two_epochs
    more = train_model(dataclasses.replace(settings, epochs=3))
    assert more[:2] == history and len(more) == 3


def test_a_loss_that_is_no_number_stops_the_run(run_of_two_epochs, monkeypatch):
    settings, _ = run_of_two_epochs
    settings = dataclasses.replace(settings, epochs=3)
    model = load(settings)
    with monkeypatch.context() as patch:
        diverge_from(patch, 2)
        with pytest.raises(DivergedError, match="nan at epoch 3, step 2"):
            train_model(settings)
    assert weights_equal(load(settings), model)
    assert len(train_model(settings)) == 3  # from the good checkpoint


def test_weights_that_diverge_in_the_last_step_are_not_kept(
    run_of_two_epochs, monkeypatch
):
    settings, _ = run_of_two_epochs
    counts = EvaluationCounts.of(np.full((4, 2), np.nan), np.zeros(4, int))
    monkeypatch.setattr(
        "keras_mvit.training.trainer.Evaluator",
        lambda *_: lambda data: counts,
    )
    with pytest.raises(DivergedError, match="nan at epoch 3"):
        train_model(dataclasses.replace(settings, epochs=3))
    assert len(read_history(settings)) == 2


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


def test_a_file_that_goes_bad_during_training(run_of_two_epochs, image_folder):
    settings, _ = run_of_two_epochs
    path = image_folder / "train" / "dog" / "2.jpg"
    path.write_text("no image")
    with pytest.raises(ValueError, match=str(path)):
        train_model(dataclasses.replace(settings, epochs=3))
    assert len(read_history(settings)) == 2


def test_mixed_precision_saves_float32(settings):
    settings = dataclasses.replace(
        settings, epochs=1, mixed_precision="float16"
    )
    train_model(settings)
    assert keras.config.dtype_policy().name == "float32"
    for layer in load(settings).layers:
        assert layer.compute_dtype == "float32"
    assert len(train_model(dataclasses.replace(settings, epochs=2))) == 2


def test_a_run_too_short_for_an_update(settings, tiny_model):
    short = dataclasses.replace(settings, batch_size=256, device_batch_size=2)
    with pytest.raises(ValueError, match="takes 128 steps .* the run has 1"):
        train_model(short)


def test_a_refused_resume_changes_nothing(settings, tiny_model):
    settings = dataclasses.replace(settings, save_every=1)
    interrupt(settings, 2)
    config = os.path.join(settings.workdir, "config.json")
    with open(config, encoding="utf-8") as file:
        before = file.read()
    other = dataclasses.replace(settings, batch_size=2)
    with pytest.raises(ValueError, match="must be ended with the same images"):
        train_model(other)
    with open(config, encoding="utf-8") as file:
        assert file.read() == before


@pytest.mark.parametrize(
    "before, after",
    [
        ((4, 4), (4, 2)),
        pytest.param((4, 2), (4, 4), marks=pytest.mark.large),
        pytest.param((4, 2), (4, 1), marks=pytest.mark.large),
        pytest.param((4, 4), (6, 6), marks=pytest.mark.large),
    ],
)
def test_other_batches_after_a_whole_epoch(settings, before, after):
    """The schedule goes on where a run of such batches alone would be."""

    def run(epochs, sizes, folder="run"):
        batch, device_batch = sizes
        return train_model(
            dataclasses.replace(
                settings,
                workdir=os.path.join(os.path.dirname(settings.workdir), folder),
                epochs=epochs,
                batch_size=batch,
                device_batch_size=device_batch,
                learning_rate=0.01,
            )
        )

    run(1, before)
    rows = run(3, after)
    expected = run(3, after, "alone")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for row, other in zip(rows[1:], expected[1:], strict=True):
        for key in ("steps", "learning_rate"):
            assert row[key] == pytest.approx(other[key])
    arrays = np.load(os.path.join(settings.workdir, "checkpoint.npz"))
    steps = sum(row["steps"] for row in expected)
    accumulated = -(-after[0] // after[1])
    first = expected[0]["steps"] // accumulated * accumulated
    assert arrays["optimizer/0000"] == first + steps - expected[0]["steps"]


@pytest.mark.large
@pytest.mark.parametrize("step", [2, 7])
def test_an_interrupted_run_of_other_batches_goes_on_to_the_same_end(
    settings, step
):
    settings = dataclasses.replace(settings, save_every=1)
    train_model(dataclasses.replace(settings, epochs=1, batch_size=6))
    whole = dataclasses.replace(settings, workdir=f"{settings.workdir}_whole")
    shutil.copytree(settings.workdir, whole.workdir)
    whole, parts = (
        dataclasses.replace(one, epochs=3, device_batch_size=2)
        for one in (whole, settings)
    )
    train_model(whole)
    train_in_two_parts(parts, step)
    assert weights_equal(load(parts), load(whole))
    steps = [
        np.load(os.path.join(one.workdir, "checkpoint.npz"))["optimizer/0000"]
        for one in (parts, whole)
    ]
    assert steps[0] == steps[1]


def test_other_updates_of_equal_batches_within_an_epoch(settings):
    settings = dataclasses.replace(
        settings, save_every=1, batch_size=4, device_batch_size=2
    )
    interrupt(settings, 2)
    other = dataclasses.replace(settings, batch_size=2)
    with pytest.raises(ValueError, match="must be ended with the same images"):
        train_model(other)


def test_goes_on_without_the_weights_it_began_with(
    settings, finished_run, tmp_path
):
    path = tmp_path / "initial.keras"
    shutil.copy(os.path.join(finished_run[0].workdir, "model.keras"), path)
    settings = dataclasses.replace(settings, epochs=1, weights=str(path))
    first = train_model(settings)
    path.unlink()
    assert train_model(dataclasses.replace(settings, epochs=2))[:1] == first
    anew = dataclasses.replace(settings, workdir=str(tmp_path / "anew"))
    with pytest.raises(ValueError, match="initial.keras"):
        train_model(anew)

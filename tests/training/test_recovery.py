"""Runs that were stopped in the midst of an epoch, or have diverged."""

import dataclasses
import os
import re

import numpy as np
import pytest

from keras_mvit.training import train_model
from keras_mvit.training.callbacks import DivergedError
from keras_mvit.training.checkpoint import CURRENT, DIVERGED, PREVIOUS
from keras_mvit.training.trainer import Trainer
from tests.training.conftest import load, read_history, weights_equal
from tests.training.interrupted import diverge_from, interrupt

pytestmark = pytest.mark.usefixtures("tiny_model")


def begin(settings, epochs, step):
    """Settings of a run that was stopped after a step of its last epoch."""
    settings = dataclasses.replace(settings, epochs=epochs, save_every=1)
    interrupt(settings, step)
    return settings


def diverge(settings, step):
    """Settings of a run whose third epoch has diverged, and what it said."""
    settings = dataclasses.replace(settings, epochs=3)
    with pytest.MonkeyPatch.context() as patch:
        diverge_from(patch, step)
        with pytest.raises(DivergedError) as error:
            train_model(settings)
    return settings, str(error.value)


def files(settings):
    return os.listdir(settings.workdir)


def test_models_stay_until_the_epoch_ends(run_of_two_epochs, monkeypatch):
    settings, _ = run_of_two_epochs
    before = [load(settings, name) for name in ("model.keras", "best.keras")]
    settings = begin(settings, 3, step=2)
    monkeypatch.setattr(Trainer, "train", lambda self: self._history)
    assert len(train_model(settings)) == 2
    for name, model in zip(("model.keras", "best.keras"), before, strict=True):
        assert weights_equal(load(settings, name), model)


def test_an_epoch_that_has_begun_cannot_be_left_out(run_of_two_epochs):
    settings = begin(run_of_two_epochs[0], 3, step=2)
    with pytest.raises(ValueError, match="epochs must be at least 3, got 2"):
        train_model(dataclasses.replace(settings, epochs=2))


def test_a_checkpoint_that_diverges_at_once_is_set_aside(
    run_of_two_epochs, capsys
):
    settings, _ = run_of_two_epochs
    settings = dataclasses.replace(settings, save_every=1)
    settings, said = diverge(settings, step=2)
    assert re.search("step 2.* is now checkpoint_d", said)
    assert DIVERGED in files(settings) and CURRENT not in files(settings)
    assert len(train_model(settings)) == 3
    output = capsys.readouterr().out
    assert "2 epochs are already trained" in output
    assert "Going on after step" not in output


def test_one_that_does_not_is_kept(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    settings = dataclasses.replace(settings, save_every=0)
    settings, said = diverge(settings, step=3)
    assert re.search("step 3.* is kept", said)
    assert CURRENT in files(settings) and DIVERGED not in files(settings)


def test_weights_that_cannot_be_evaluated_are_set_aside(settings, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            "keras_mvit.training.evaluation_counts.EvaluationCounts.metrics",
            lambda _: dict.fromkeys(("loss", "top1", "top5"), np.nan),
        )
        with pytest.raises(DivergedError, match="test loss is nan at epoch 1"):
            train_model(settings)
    assert DIVERGED in files(settings) and CURRENT not in files(settings)
    assert len(train_model(settings)) == 2


def test_the_previous_checkpoint_is_of_an_earlier_step(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    train_model(dataclasses.replace(settings, epochs=3))
    places = [np.load(os.path.join(settings.workdir, CURRENT))["progress"]]
    places += [np.load(os.path.join(settings.workdir, PREVIOUS))["progress"]]
    assert '"epoch": 3' in str(places[0]) and '"epoch": 3' not in str(places[1])
    assert '"progress": null' in str(places[1])


def test_with_an_image_less_the_epoch_begins_anew(
    run_of_two_epochs, image_folder, capsys
):
    settings = begin(run_of_two_epochs[0], 3, step=2)
    (image_folder / "train" / "dog" / "2.jpg").unlink()
    history = train_model(settings)
    assert "there are 11 training images now, not 12" in capsys.readouterr().out
    assert [row["images"] for row in history] == [12, 12, 11]
    assert len(read_history(settings)) == 3


def test_with_other_batches_it_is_refused(run_of_two_epochs):
    settings = begin(run_of_two_epochs[0], 3, step=2)
    with pytest.raises(ValueError, match="must be ended with the same"):
        train_model(dataclasses.replace(settings, batch_size=2))

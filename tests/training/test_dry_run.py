import dataclasses
import os

import pytest

from keras_mvit.training import train_model
from keras_mvit.training.dry_run import dry_run
from keras_mvit.training.models import make_models
from tests.training.conftest import make_settings

pytestmark = pytest.mark.usefixtures("tiny_model")


def test_says_what_would_be_done_and_writes_nothing(
    tmp_path, image_folder, capsys
):
    settings = make_settings(
        tmp_path,
        epochs=8,
        batch_size=8,
        device_batch_size=4,
        model="cmt_ti",
        multi_scale=False,
    )
    dry_run(settings)
    output = capsys.readouterr().out
    assert "cmt_ti on folder:" in output
    assert "Recipe finetune" in output and "batch_size=8" in output
    assert "2 of them an update" in output
    # 12 images in batches of 4, eight times.
    assert ["8", "24"] in [line.split()[:2] for line in output.splitlines()]
    assert "Memory, estimated: " in output
    assert "Trained 2 steps: loss " in output
    assert "24 such steps" in output
    assert os.listdir(tmp_path) == ["images"]


def test_bad_settings_end_before_anything(tmp_path, image_folder):
    with pytest.raises(ValueError, match="must together be at most epochs"):
        dry_run(make_settings(tmp_path, epochs=1, cooldown_epochs=1))


def test_names_a_bad_image(settings, image_folder):
    path = image_folder / "train" / "dog" / "2.jpg"
    path.write_text("no image")
    with pytest.raises(ValueError, match=f"Cannot read image {path}"):
        dry_run(dataclasses.replace(settings, batch_size=12, multi_scale=False))


def test_refuses_what_training_would_refuse(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    other = dataclasses.replace(settings, model="mobilevit_xs")
    with pytest.raises(ValueError, match="run with model=mobilevit_xxs"):
        dry_run(other)
    short = dataclasses.replace(settings, batch_size=256, device_batch_size=2)
    with pytest.raises(ValueError, match="takes 128 steps .* the run has"):
        dry_run(short)


def test_counts_its_steps_and_finds_the_run(run_of_two_epochs, capsys):
    settings, _ = run_of_two_epochs
    dry_run(dataclasses.replace(settings, batch_size=64, multi_scale=False))
    output = capsys.readouterr().out
    assert "Trained 1 step: loss" in output
    assert f"{settings.workdir} has a run, which training would go" in output


def test_its_memory_is_that_of_the_run(tmp_path, image_folder, monkeypatch):
    made = []

    def make_and_keep(*args, **kwargs):
        made.append(make_models(*args, **kwargs))
        return made[-1]

    for module in ("dry_run", "trainer"):
        path = f"keras_mvit.training.{module}.make_models"
        monkeypatch.setattr(path, make_and_keep)
    settings = make_settings(tmp_path, epochs=1, device_batch_size=2)
    dry_run(settings)
    train_model(settings)
    dry, real = (
        [v.shape for v in models.trained.optimizer.variables] for models in made
    )
    assert dry == real and len(dry) > 2 * len(made[0].trained.weights)

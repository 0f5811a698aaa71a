import dataclasses
import json
import os
import shutil
import types

import keras
import numpy as np
import pytest

from keras_mvit.training import (
    evaluate_workdir,
    evaluation_protocol,
    train_model,
)
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.distribution import Distribution
from keras_mvit.training.dry_run import dry_run
from keras_mvit.training.initial_run import start_from_run
from keras_mvit.training.quantize_aware import check_supported
from keras_mvit.training.settings import Settings
from keras_mvit.training.workdir import WorkDirectory
from tests.training.conftest import load, weights_equal
from tests.training.interrupted import train_in_two_parts
from tests.training.test_run import CONTRACT

pytestmark = pytest.mark.usefixtures("tiny_model")


@pytest.fixture
def aware(finished_run, settings):
    """Settings of a run that goes on from the finished one."""
    return Settings(
        workdir=settings.workdir,
        dataset=settings.dataset,
        quantize_aware=True,
        init_workdir=finished_run[0].workdir,
        epochs=2,
        batch_size=4,
    )


def _ranges(settings):
    with open(os.path.join(settings.workdir, "quantization.json")) as file:
        return json.load(file)["ranges"]


def test_leaves_an_ordinary_model_and_its_ranges(aware, finished_run, capsys):
    history = train_model(aware)
    assert "Recipe quantize_aware (ours" in capsys.readouterr().out
    assert set(os.listdir(aware.workdir)) == CONTRACT | {"quantization.json"}
    model, before = load(aware), load(finished_run[0])
    assert [w.path for w in model.weights] == [w.path for w in before.weights]
    assert [type(x) for x in model.layers] == [type(x) for x in before.layers]
    differ = [
        not np.array_equal(a, b)
        for a, b in zip(model.get_weights(), before.get_weights(), strict=True)
    ]
    # The kernel, scale, offset, not the statistics; the classifier.
    assert differ == [True, True, True, False, False, True, True]
    assert set(_ranges(aware)) == {"image", "conv", "pool", "classifier"}
    evaluation = evaluate_workdir(aware.workdir)
    with open(os.path.join(aware.workdir, "evaluation.json")) as file:
        assert json.load(file)["loss"] == pytest.approx(evaluation["loss"])
    # The history is of the model that rounds.
    assert history[-1]["val_loss"] != evaluation["loss"]


@pytest.mark.parametrize("step", [2, pytest.param(6, marks=pytest.mark.large)])
def test_an_interrupted_run_goes_on_to_the_same_end(aware, tmp_path, step):
    train_in_two_parts(aware, step)
    whole = dataclasses.replace(aware, workdir=str(tmp_path / "whole"))
    train_model(whole)
    assert weights_equal(load(aware), load(whole))
    assert _ranges(aware) == _ranges(whole)


def test_goes_on_without_the_run_it_began_with(aware, finished_run, tmp_path):
    initial = tmp_path / "initial"
    shutil.copytree(finished_run[0].workdir, initial)
    aware = dataclasses.replace(aware, init_workdir=str(initial))
    first = train_model(dataclasses.replace(aware, epochs=1))
    shutil.rmtree(initial)
    assert train_model(aware)[:1] == first
    anew = dataclasses.replace(aware, workdir=str(tmp_path / "anew"))
    with pytest.raises(ValueError, match="initial is no work directory"):
        train_model(anew)


def test_only_the_chief_reads_the_new_run(aware, finished_run, tmp_path):
    class Other(Distribution):
        def from_chief(self, value):
            assert value is None
            return chief

    source = make_source(aware.dataset)
    initial = WorkDirectory(finished_run[0].workdir)
    chief = initial.settings(), initial.labels()
    aware = dataclasses.replace(aware, init_workdir=str(tmp_path / "gone"))
    settings = start_from_run(aware, source, Other(2, 1, 2))
    assert settings.image_size == finished_run[0].image_size


def test_takes_over_how_images_were_seen(aware, finished_run):
    train_model(aware)
    with open(os.path.join(aware.workdir, "config.json")) as file:
        config = json.load(file)
    initial = finished_run[0]
    assert config["image_size"] == initial.image_size == 32
    assert config["num_scales"] == 1 and not config["multi_scale"]
    assert config["weights"] == os.path.join(initial.workdir, "model.keras")


def test_a_dry_run(aware, capsys):
    dry_run(aware)
    assert "Trained 2 steps: loss " in capsys.readouterr().out
    assert not os.path.exists(aware.workdir)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"init_workdir": None}, "its work directory with init_workdir"),
        ({"init_workdir": "nowhere"}, "nowhere is no work directory"),
        ({"model": "mobilevit_s"}, "with model=mobilevit_xxs, not mobilevit_s"),
        ({"image_size": 64}, "with image_size=32, not 64"),
        ({"weights": "other.keras"}, "Give either init_workdir or weights"),
        ({"multi_scale": True}, "multi_scale must be False: .* got True"),
        ({"mixed_precision": "float16"}, "must be none: .* got float16"),
    ],
)
def test_what_cannot_be(aware, change, words):
    with pytest.raises(ValueError, match=words):
        train_model(dataclasses.replace(aware, **change))
    assert not os.path.exists(aware.workdir)


def test_a_run_without_a_model(aware, run_of_two_epochs, tmp_path):
    untrained, _ = run_of_two_epochs
    os.remove(os.path.join(untrained.workdir, "model.keras"))
    aware = dataclasses.replace(
        aware,
        init_workdir=untrained.workdir,
        workdir=str(tmp_path / "aware"),
    )
    with pytest.raises(ValueError, match="not trained yet: there is no model"):
        train_model(aware)


def test_a_run_of_other_classes(aware, image_folder):
    for split in ("train", "test"):
        (image_folder / split / "dog").rename(image_folder / split / "horse")
    with pytest.raises(ValueError, match="'cat', 'dog'.*not .'cat', 'horse'"):
        train_model(aware)


def test_a_float_run_does_not_become_a_rounding_one(aware, run_of_two_epochs):
    settings, _ = run_of_two_epochs
    aware = dataclasses.replace(
        aware, workdir=settings.workdir, optimizer=settings.optimizer
    )
    with pytest.raises(ValueError, match="run with quantize_aware=False"):
        train_model(aware)


def test_raw_weights_are_no_model(aware):
    train_model(aware)
    protocol = evaluation_protocol.Protocol(weights="raw")
    with pytest.raises(ValueError, match="weights must be ema or best"):
        evaluate_workdir(aware.workdir, protocol=protocol)


@pytest.mark.parametrize("backend, devices", [("jax", 1), ("tensorflow", 2)])
def test_where_it_cannot_run(monkeypatch, backend, devices):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    distribution = types.SimpleNamespace(num_devices=devices)
    with pytest.raises(ValueError, match=f"one device, got {backend} and"):
        check_supported(distribution)

import csv
import os
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_mvit
from keras_mvit.training import Settings, train_model
from tests.training.tiny_model import create_model


def write_images(directory, classes=("cat", "dog"), train=6, test=2):
    """DIR/{train,test}/CLASS/N.jpg: each class a colour of its own."""
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            folder = directory / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 60, (40, 48, 3), np.uint8)
                pixels[..., label] += 150
                Image.fromarray(pixels).save(folder / f"{index}.jpg")
    return directory


def make_settings(folder, **kwargs):
    """A short run on `folder / "images"`, written to `folder / "run"`."""
    defaults = {
        "workdir": str(folder / "run"),
        "dataset": f"folder:{folder / 'images'}",
        "recipe": "finetune",
        "epochs": 2,
        "batch_size": 4,
        "image_size": 32,
        "min_image_size": 32,
        "max_image_size": 48,
        "num_scales": 2,
        "size_divisor": 16,
        "warmup_epochs": 0.5,
    }
    return Settings(**(defaults | kwargs))


@pytest.fixture
def image_folder(tmp_path):
    return write_images(tmp_path / "images")


@pytest.fixture
def settings(tmp_path, image_folder):
    return make_settings(tmp_path)


@pytest.fixture
def tiny_model(monkeypatch):
    monkeypatch.setattr(keras_mvit, "create_model", create_model)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Two epochs, trained once: not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    write_images(folder / "images")
    settings = make_settings(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_mvit, "create_model", create_model)
        return settings, train_model(settings)


@pytest.fixture
def run_of_two_epochs(finished_run, tmp_path, settings):
    """A copy of it, on images of its own: `Settings` and history."""
    finished, history = finished_run
    shutil.copytree(finished.workdir, settings.workdir)
    config = os.path.join(settings.workdir, "config.json")
    with open(config) as file:
        text = file.read().replace(finished.dataset, settings.dataset)
    with open(config, "w") as file:
        file.write(text)
    return settings, history


def read_history(settings):
    with open(os.path.join(settings.workdir, "history.csv")) as file:
        return list(csv.DictReader(file))


def load(settings, name="model.keras"):
    return keras.saving.load_model(os.path.join(settings.workdir, name))


def weights_equal(model, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )

import numpy as np
import pytest
from PIL import Image

import keras_mvit
from keras_mvit.training.settings import Settings
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


@pytest.fixture
def image_folder(tmp_path):
    return write_images(tmp_path / "images")


@pytest.fixture
def tiny_model(monkeypatch):
    monkeypatch.setattr(keras_mvit, "create_model", create_model)


@pytest.fixture
def settings(tmp_path, image_folder):
    return Settings(
        workdir=str(tmp_path / "run"),
        dataset=f"folder:{image_folder}",
        epochs=2,
        batch_size=4,
        image_size=32,
        min_image_size=32,
        max_image_size=48,
        num_scales=2,
        size_divisor=16,
        warmup_epochs=0.5,
    )

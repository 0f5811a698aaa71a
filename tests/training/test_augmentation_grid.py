import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_mvit.models import Preprocessing
from keras_mvit.training.augmentation_grid import augmentation_rows
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.policies import POLICIES
from keras_mvit.training.image_grid import write_grid
from tests.training.conftest import write_images


def test_a_grid_of_rows_of_different_lengths(tmp_path):
    image = np.zeros((8, 9, 3), np.uint8)
    path = str(tmp_path / "grid.png")
    write_grid(path, {"one": [(image, "a")], "two": [(image, "b")] * 3})
    with Image.open(path) as grid:
        assert grid.width > grid.height > 100


@pytest.mark.large
def test_the_command_takes_a_few_images(tmp_path):
    write_images(tmp_path, train=3)
    path = tmp_path / "grid.png"
    command = [
        sys.executable,
        "-m",
        "keras_mvit.training.show_augmentation",
        f"--dataset=folder:{tmp_path}",
        "--image_size=32",
        f"--output={path}",
    ]
    subprocess.run(command, check=True)
    with Image.open(path) as grid:
        assert grid.height > grid.width
    bad = tmp_path / "train" / "cat" / "0.jpg"
    bad.write_text("no image")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"Error: Cannot read image {bad}" in done.stderr
    assert done.stderr.endswith("Repair or remove it\n")


@pytest.mark.large
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_rows_show_every_operation_and_the_recipe(order):
    pipeline = Pipeline(
        make_source("digits"),
        Preprocessing((32, 32), mean=(0.5, 0.4, 0.3), channel_order=order),
        make_buckets(32, 8, 32, 32),
        augmentation=Augmentation(mixup_alpha=0.8, rand_augment_ops=2),
    )
    rows = augmentation_rows(pipeline)
    labels = {label.replace("\n", "_") for label in rows}
    for operation in POLICIES["timm", True].operations:
        assert operation.name in labels
    for label, images in rows.items():
        assert len(images) == 8, label
        assert {image.shape for image, _ in images} == {(32, 32, 3)}
    # What is left of digits is grey again: normalization was undone.
    mixed = np.stack([image for image, _ in rows["MixUp 0.8"]]).astype(int)
    assert np.ptp(mixed, axis=-1).max() <= 1
    weights = [title.split()[0] for _, title in rows["MixUp 0.8"]]
    assert len(set(weights)) == 1 and 0.5 <= float(weights[0]) < 1

import warnings

import numpy as np
import pytest
from PIL import Image

from keras_mvit.training.evaluation_counts import EvaluationCounts
from keras_mvit.training.evaluation_picture import save_confusion
from keras_mvit.training.image_grid import write_grid

_NAMES = ("猫", "고양이", "แมว", r"$\frac{$", "a_b$c", "chat")


@pytest.fixture(autouse=True)
def strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_grid_of_names_in_any_script(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    path = str(tmp_path / "grid.png")
    write_grid(path, {name: [(image, name)] for name in _NAMES})
    with Image.open(path) as grid:
        assert grid.height > grid.width


def test_a_confusion_matrix_of_names_in_any_script(tmp_path):
    random = np.random.default_rng(0)
    classes = len(_NAMES)
    counts = EvaluationCounts.of(
        random.normal(size=(60, classes)), np.arange(60) % classes
    )
    path = str(tmp_path / "confusion.png")
    save_confusion(path, counts, _NAMES)
    with Image.open(path) as picture:
        assert picture.width > 400

import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.models import Preprocessing
from keras_mvit.training.data.bad_images import (
    leave_out_bad_images,
    naming_bad_images,
)
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def write_words(path):
    path.write_text("This is no photograph.")


def empty(path):
    path.write_bytes(b"")


def run_epoch(source):
    preprocessing = Preprocessing(image_size=(32, 32))
    buckets = make_buckets(32, 4, 32, 32, 1)
    done = []
    with naming_bad_images(source, "train", (0, 3), lambda: sum(done)):
        for images, _ in Pipeline(source, preprocessing, buckets).epoch(3):
            done.append(len(images))
    return sum(done)


@pytest.mark.parametrize("damage", [truncate, write_words, empty])
@pytest.mark.parametrize("number", range(0, 6, 2))
def test_a_bad_image_is_named(image_folder, damage, number):
    source = make_source(f"folder:{image_folder}")
    assert run_epoch(source) == 12
    path = image_folder / "train" / "dog" / f"{number}.jpg"
    damage(path)
    with pytest.raises(
        ValueError,
        match=f"{path}: it must be a whole JPEG.* bytes .*--skip_bad_images",
    ):
        run_epoch(source)


def test_a_removed_image_is_named(image_folder):
    source = make_source(f"folder:{image_folder}")
    path = image_folder / "train" / "dog" / "1.jpg"
    path.unlink()
    with pytest.raises(ValueError, match=f"{path}: .*No such file"):
        run_epoch(source)


def test_other_errors_pass(image_folder):
    source = make_source(f"folder:{image_folder}")
    with pytest.raises(tf.errors.InvalidArgumentError):
        with naming_bad_images(source, "train"):
            tf.reshape(np.zeros(3), (2, 2))


def test_a_lack_of_memory_is_not_searched_for(image_folder, monkeypatch):
    source = make_source(f"folder:{image_folder}")
    monkeypatch.setattr(source, "elements", None)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        with naming_bad_images(source, "train"):
            raise tf.errors.ResourceExhaustedError(None, None, "memory")


def test_bad_images_are_left_out(image_folder):
    truncate(image_folder / "train" / "dog" / "1.jpg")
    write_words(image_folder / "train" / "cat" / "3.jpg")
    empty(image_folder / "test" / "cat" / "0.jpg")
    source = make_source(f"folder:{image_folder}")
    excluded = leave_out_bad_images(source)
    assert excluded == {
        "train": [
            str(image_folder / "train" / "cat" / "3.jpg"),
            str(image_folder / "train" / "dog" / "1.jpg"),
        ],
        "test": [str(image_folder / "test" / "cat" / "0.jpg")],
    }
    assert source.num_images == {"train": 10, "test": 3}
    assert run_epoch(source) == 10


def test_nothing_is_left_out_of_good_images(image_folder):
    source = make_source(f"folder:{image_folder}")
    assert leave_out_bad_images(source) == {"train": [], "test": []}
    assert source.num_images == {"train": 12, "test": 4}


def test_a_class_must_keep_an_image(image_folder):
    for path in (image_folder / "test" / "dog").iterdir():
        empty(path)
    source = make_source(f"folder:{image_folder}")
    with pytest.raises(ValueError, match="Class dog of split test"):
        leave_out_bad_images(source)

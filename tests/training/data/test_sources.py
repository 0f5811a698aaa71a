import os
import shutil

import numpy as np
import pytest

from keras_mvit.training.data.make_source import make_source


def labels_of(source, split, order=None):
    elements = source.elements(split, order).as_numpy_iterator()
    return [(e["name"].decode(), int(e["label"])) for e in elements]


@pytest.mark.parametrize(
    "spec", ["", "mnist", "digit", "digits:x", "folder", "folder:", "tfds:"]
)
def test_unknown_data_sets(spec):
    with pytest.raises(ValueError, match="accepted are digits, folder:DIR"):
        make_source(spec)


def test_digits_are_split_by_class_and_for_good():
    source = make_source("digits")
    train, test = labels_of(source, "train"), labels_of(source, "test")
    assert (len(train), len(test)) == (1438, 359)
    assert source.num_images == {"train": 1438, "test": 359}
    assert len({name for name, _ in train + test}) == 1797
    counts = np.bincount([label for _, label in test])
    assert counts.min() >= 35 and counts.max() <= 37
    assert labels_of(make_source("digits"), "test") == test


def test_a_digit_is_an_rgb_image():
    source = make_source("digits")
    image = source.read(next(iter(source.elements("test")))).numpy()
    assert image.shape == (64, 64, 3) and image.dtype == np.uint8
    assert image.min() == 0 and image.max() > 200
    assert (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("kind", ["digits", "folder"])
def test_order_is_a_function_of_seed_and_epoch(kind, image_folder):
    spec = "digits" if kind == "digits" else f"folder:{image_folder}"
    source = make_source(spec)
    first = labels_of(source, "train", (0, 1))
    assert first == labels_of(make_source(spec), "train", (0, 1))
    natural = labels_of(source, "train")
    for order in ((0, 2), (1, 1)):
        other = labels_of(source, "train", order)
        assert other != first and other != natural
        assert sorted(other) == sorted(first) == sorted(natural)


def test_folder(image_folder):
    (image_folder / "train" / ".DS_Store").write_bytes(b"")
    (image_folder / "train" / "cat" / "notes.txt").write_text("")
    (image_folder / "train" / "cat" / ".hidden.jpg").write_text("")
    os.rename(
        image_folder / "train" / "dog" / "0.jpg",
        image_folder / "train" / "dog" / "0.JPEG",
    )
    source = make_source(f"folder:{image_folder}")
    assert source.class_names == ("cat", "dog")
    assert source.num_images == {"train": 12, "test": 4}
    for name, label in labels_of(source, "train"):
        assert f"/train/{source.class_names[label]}/" in name


def test_val_stands_in_for_test(image_folder):
    os.rename(image_folder / "test", image_folder / "val")
    assert make_source(f"folder:{image_folder}").num_images["test"] == 4


def remove_tree(path):
    for file in path.rglob("*.jpg"):
        file.unlink()
    for folder in sorted(path.rglob("*"), reverse=True):
        folder.rmdir()
    path.rmdir()


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no data set folder .*nowhere"):
        make_source(f"folder:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("split", ["train", "test"])
def test_folder_without_a_split(image_folder, split):
    remove_tree(image_folder / split)
    with pytest.raises(ValueError, match=f"must hold a folder {split}"):
        make_source(f"folder:{image_folder}")


def test_folder_without_classes(image_folder):
    for name in ("cat", "dog"):
        remove_tree(image_folder / "train" / name)
    with pytest.raises(ValueError, match="a folder of images per class"):
        make_source(f"folder:{image_folder}")


def test_empty_class(image_folder):
    for file in (image_folder / "train" / "dog").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match="train/dog holds no images"):
        make_source(f"folder:{image_folder}")


def test_names_that_cannot_be_written_down(image_folder):
    latin = os.fsencode(image_folder / "train" / "dog") + b"/\xe9.jpg"
    shutil.copy(image_folder / "train" / "dog" / "0.jpg", latin)
    with pytest.raises(ValueError, match=r"UTF-8, got b'.*dog/\\xe9.jpg'"):
        make_source(f"folder:{image_folder}")
    os.remove(latin)
    for split in ("train", "test"):
        os.rename(image_folder / split / "dog", image_folder / split / "d\nog")
    with pytest.raises(ValueError, match=r"one line, got 'd\\nog'"):
        make_source(f"folder:{image_folder}")


def test_links_in_a_circle_are_passed_over(image_folder):
    os.symlink("circle.jpg", image_folder / "train" / "dog" / "circle.jpg")
    os.symlink("circle", image_folder / "train" / "circle")
    source = make_source(f"folder:{image_folder}")
    assert source.num_images["train"] == 12


def test_splits_of_different_classes(image_folder):
    os.rename(image_folder / "test" / "dog", image_folder / "test" / "cow")
    with pytest.raises(ValueError, match="train: .'dog'.*test: .'cow'"):
        make_source(f"folder:{image_folder}")

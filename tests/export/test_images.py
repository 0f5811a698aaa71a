import numpy as np
import pytest
from PIL import Image

from keras_mvit.export import images
from keras_mvit.models import Preprocessing

SMALL = Preprocessing(image_size=(8, 12), crop_fraction=0.5)


def _save(path, size=(40, 30), color=(255, 0, 0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def test_model_inputs():
    picture = np.uint8([[[[0, 51, 255]]]])
    plain = images.ModelInputs(picture, SMALL)
    np.testing.assert_allclose(plain[:], [[[[0, 0.2, 1]]]], rtol=1e-6)
    row = Preprocessing(
        mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.25), channel_order="bgr"
    )
    other = images.ModelInputs(picture, row)
    (first,) = other
    np.testing.assert_allclose(first, [[[1, -0.6, -2]]], rtol=1e-6)
    assert first.dtype == np.float32
    assert len(other) == 1


def test_folder_of_classes(tmp_path):
    _save(tmp_path / "cat" / "1.png")
    _save(tmp_path / "dog" / "1.jpg", size=(30, 40))
    (tmp_path / "dog" / "notes.txt").write_text("not an image")
    found = images.read(str(tmp_path), SMALL, 9)
    assert found.images.shape == (2, 8, 12, 3)
    assert found.images.dtype == np.uint8
    assert found.labels.tolist() == [0, 1]
    assert (found.images[0] == [255, 0, 0]).all()


def test_folder_without_classes(tmp_path):
    _save(tmp_path / "1.png", size=(3, 3))
    found = images.read(str(tmp_path), SMALL, 9)
    assert found.images.shape == (1, 8, 12, 3)
    assert found.labels is None


def test_the_centre_is_cropped(tmp_path):
    picture = Image.new("RGB", (32, 32), (0, 0, 0))
    picture.paste((255, 255, 255), (8, 8, 24, 24))
    picture.save(tmp_path / "1.png")
    row = Preprocessing(image_size=(16, 16), crop_fraction=0.5)
    found = images.read(str(tmp_path), row, 9)
    assert (found.images == 255).all()


@pytest.mark.parametrize("content", ["hello", ""])
def test_an_image_that_is_none_is_named(tmp_path, content, capfd):
    (tmp_path / "bad.jpg").write_text(content)
    with pytest.raises(ValueError, match="bad.jpg cannot be decoded"):
        images.read(str(tmp_path), SMALL, 9)
    assert "imdecode" not in capfd.readouterr().err


def test_no_images(tmp_path):
    with pytest.raises(ValueError, match="There are no images in"):
        images.read(str(tmp_path), SMALL, 9)
    with pytest.raises(ValueError, match="There is no file nowhere"):
        images.read("nowhere", SMALL, 9)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"pictures": np.zeros(3)}, "damaged"),
        ({"images": np.zeros((2, 8, 12, 3))}, "float64; expected uint8"),
        ({"images": np.zeros((0, 8, 12, 3), "uint8")}, r"expected \(N, H"),
        ({"images": np.zeros((2, 8, 12), "uint8")}, r"expected \(N, H"),
        (
            {"images": np.zeros((2, 8, 12, 3), "uint8"), "labels": [1]},
            r"labels are of shape \(1,\); expected \(2,\)",
        ),
        ({"images": np.zeros((2, 9, 12, 3), "uint8")}, "9 x 12 pixels; expec"),
    ],
)
def test_npz_of_another_kind(tmp_path, arrays, message):
    np.savez(tmp_path / "images.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        images.read(str(tmp_path / "images.npz"), SMALL, 9)


def test_random_images_are_seeded():
    one, two, other = (
        images.random_images(3, (20, 12), seed).images for seed in (0, 0, 1)
    )
    assert one.shape == (3, 20, 12, 3)
    assert (one == two).all()
    assert (one != other).any()


def test_at_most_so_many_are_read(tmp_path):
    for folder in "ab":
        for index in range(4):
            _save(tmp_path / "folder" / folder / f"{index}.png")
    folder = str(tmp_path / "folder")
    found = images.read(folder, SMALL, 3)
    assert len(found) == len(found.labels) == 3
    assert len(images.read(folder, SMALL, 99)) == 8
    file = str(tmp_path / "images.npz")
    np.savez(file, images=np.zeros((5, 8, 12, 3), "uint8"), labels=range(5))
    drawn = {tuple(images.read(file, SMALL, 2, s).labels) for s in range(9)}
    assert len(drawn) > 3 and all(a < b for a, b in drawn)


def test_folders_by_the_names_of_labels(tmp_path):
    for folder in ("b", "c", ".cache"):
        _save(tmp_path / folder / "1.png")

    def read(*labels):
        return images.read(str(tmp_path), SMALL, 9, labels=labels).labels

    assert read("a", "b", "c").tolist() == [1, 2]
    assert read("cat", "dog").tolist() == [0, 1]  # one for each
    with pytest.raises(ValueError, match="folder 'c', and 2 in all; .* 3 lab"):
        read("a", "b", "d")


def test_folders_are_classes_if_there_is_one_for_each(tmp_path):
    for folder in "abc":
        _save(tmp_path / folder / "1.png")
    for count, expected in ((3, [0, 1, 2]), (None, [0, 1, 2]), (1000, None)):
        found = images.read(str(tmp_path), SMALL, 9, num_classes=count).labels
        assert (found if found is None else found.tolist()) == expected


def test_images_beside_folders_of_classes(tmp_path):
    _save(tmp_path / "cat" / "1.png")
    _save(tmp_path / "lost.png")
    with pytest.raises(ValueError, match="beside its folders, such as lost"):
        images.read(str(tmp_path), SMALL, 9)


@pytest.mark.parametrize("name", ["1.webp", "1.gif", "1.bmp", "1.JPEG"])
def test_kinds_of_files(tmp_path, name):
    _save(tmp_path / name)
    _save(tmp_path / f".{name}", color=(0, 0, 255))  # hidden
    (picture,) = images.read(str(tmp_path), SMALL, 9).images
    assert np.abs(picture - np.int32([255, 0, 0])).max() < 4


def test_the_orientation_of_a_camera_is_ignored(tmp_path):
    """As in training."""
    picture = Image.new("RGB", (40, 30))
    picture.paste((255, 255, 255), (0, 0, 40, 15))
    turned = picture.getexif()
    turned[0x0112] = 6  # orientation: a quarter turn
    picture.save(tmp_path / "1.jpg", quality=95)
    picture.save(tmp_path / "2.jpg", quality=95, exif=turned)
    plain, other = images.read(str(tmp_path), SMALL, 9).images
    np.testing.assert_array_equal(plain, other)


def test_pixels_are_those_of_training(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "1.jpg")
    row = Preprocessing(image_size=(16, 24), crop_fraction=1.0)
    (picture,) = images.read(str(tmp_path), row, 9).images
    expected = np.asarray(Image.open(tmp_path / "1.jpg"))
    np.testing.assert_array_equal(picture, expected)


def test_labels_that_are_no_integers():
    pictures = np.zeros((2, 8, 8, 3), "uint8")
    assert images.ImageSet(pictures, [0, 1]).labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="float64; expected integers"):
        images.ImageSet(pictures, np.zeros(2))

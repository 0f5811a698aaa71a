import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

import keras_mvit
from keras_mvit.export.images import ImageSet
from keras_mvit.export.source import from_name


def test_unknown_model():
    with pytest.raises(ValueError, match="mobilevit_xxs"):
        from_name("mobilevit_tiny")


def test_size_and_classes():
    found = from_name("mobilevit_xxs", num_classes=7, image_size=64)
    assert found.preprocessing.image_size == (64, 64)
    assert found.model.output_shape == (None, 7)
    assert found.calibration is None
    assert found.test is None


def test_labels_of_a_file(tmp_path):
    file = tmp_path / "flowers.txt"
    # As a spreadsheet on Windows writes it.
    file.write_bytes(b"\xef\xbb\xbfdaisy\r\nred rose\r\n")
    found = from_name("mobilevit_xxs", image_size=64, labels=str(file))
    assert found.labels == ("daisy", "red rose")
    assert found.model.output_shape == (None, 2)
    with pytest.raises(ValueError, match="2 labels; the model has 7 classes"):
        from_name("mobilevit_xxs", num_classes=7, labels=str(file))


def test_labels_that_cannot_be_read(tmp_path):
    file = tmp_path / "labels.txt"
    with pytest.raises(
        ValueError, match="labels.txt cannot be read: .*No such"
    ):
        from_name("mobilevit_xxs", labels=str(file))
    file.write_bytes(b"\xff\xd8")
    with pytest.raises(ValueError, match="labels.txt cannot be read"):
        from_name("mobilevit_xxs", labels=str(file))


def test_random_weights_are_those_of_a_seed():
    first, again, other = (
        from_name("mobilevit_xxs", num_classes=7, seed=seed).model.get_weights()
        for seed in (0, 0, 1)
    )
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert np.any(first[0] != other[0])


def test_folders_that_are_not_the_classes_of_the_model(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        Image.new("RGB", (40, 40)).save(tmp_path / folder / "1.png")
    for num_classes, expected in ((None, None), (2, [0, 1])):
        found = from_name(
            "mobilevit_xxs",
            num_classes=num_classes,
            image_size=32,
            test_images=str(tmp_path),
        ).test.labels
        assert (found if found is None else found.tolist()) == expected


def test_images_that_are_not_there():
    with pytest.raises(ValueError, match="There is no file nowhere.npz"):
        from_name("mobilevit_xxs", test_images="nowhere.npz")


@pytest.mark.parametrize("name", ["", "my/model"])
def test_a_name_that_no_file_can_have(source, name):
    with pytest.raises(ValueError, match=f"name is '{name}'; expected one"):
        dataclasses.replace(source, name=name)


def test_a_model_of_unknown_layers(source):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Expected a functional keras.Model"):
        dataclasses.replace(source, model=Own())


@pytest.mark.parametrize("pack", [lambda x: [x], lambda x: {"image": x}])
def test_a_model_that_takes_a_structure(source, pack):
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(pack(image), keras.layers.Dense(10)(x))
    assert dataclasses.replace(source, model=model).model is model


def test_a_preprocessing_of_another_size(source):
    model = keras_mvit.create_model("mobilevit_xxs", 10, (64, 64, 3))
    with pytest.raises(ValueError, match=r"\(32, 32\) .* takes \(64, 64\)"):
        dataclasses.replace(source, model=model)


@pytest.mark.parametrize("name", ["calibration", "test"])
def test_images_of_another_size(source, name):
    small = ImageSet(np.zeros((2, 32, 16, 3), "uint8"))
    with pytest.raises(ValueError, match=f"{name} holds .* expected 32 x 32"):
        dataclasses.replace(source, **{name: small})


@pytest.mark.parametrize("name", ["calibration", "test"])
def test_labels_that_the_model_does_not_have(source, name):
    images = getattr(source, name)
    other = dataclasses.replace(images, labels=images.labels + 1)
    with pytest.raises(ValueError, match=f"{name} .* 1 to 10; .* 10 classes"):
        dataclasses.replace(source, **{name: other})


@pytest.mark.parametrize("label", [" ", "a\nb"])
def test_labels_of_other_than_one_line(source, label):
    with pytest.raises(ValueError, match="expected one line"):
        dataclasses.replace(source, labels=(label,) * 10)

import pytest

from keras_mvit.export import source


def test_unknown_model():
    with pytest.raises(ValueError, match="mobilevit_xxs"):
        source.from_name("mobilevit_tiny")


def test_size_and_classes():
    found = source.from_name("mobilevit_xxs", num_classes=7, image_size=64)
    assert found.preprocessing.image_size == (64, 64)
    assert found.model.output_shape == (None, 7)
    assert found.calibration is None
    assert found.test is None


def test_images_that_are_not_there():
    with pytest.raises(ValueError, match="There is no file nowhere.npz"):
        source.from_name("mobilevit_xxs", test_images="nowhere.npz")

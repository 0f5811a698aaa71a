import dataclasses

import keras
import numpy as np
import pytest

from keras_mvit.export import convert, flatbuffer
from keras_mvit.export.calibration import calibrate, pixel_range


@pytest.fixture(scope="module")
def means():
    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    return convert.to_float32(keras.Model(image, pooled), (8, 8))


def test_ranges_are_those_of_all_images(means):
    images = np.random.default_rng(0).normal(size=(40, 8, 8, 3))
    images = images.astype(np.float32)
    ranges = calibrate(means, images)
    (output,) = flatbuffer.outputs(means)
    expected = images.mean((1, 2))
    assert ranges[output.name] == pytest.approx(
        (expected.min(), expected.max()), abs=1e-6
    )
    assert ranges == calibrate(means, images[::-1])


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((0, 8, 8, 3)), "There are no calibration images"),
        (np.zeros((1, 9, 8, 3)), r"are \(9, 8, 3\); the model takes \(8, 8"),
        (np.full((1, 8, 8, 3), np.nan), "not finite"),
        (np.full((1, 8, 8, 3), np.inf), "not finite"),
    ],
)
def test_images_that_do_not_fit(means, images, message):
    with pytest.raises(ValueError, match=message):
        calibrate(means, np.float32(images))


def test_the_range_of_pixels(means, source):
    preprocessing = dataclasses.replace(
        source.preprocessing, mean=(0.5, 0.4, 0.5), std=(0.5, 0.25, 0.5)
    )
    (found,) = pixel_range(means, preprocessing).values()
    assert found == pytest.approx((-1.6, 2.4))

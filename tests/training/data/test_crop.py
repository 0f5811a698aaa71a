"""The crop of a file is that of its pixels."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mvit.training.data.augment import augment
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.crop import crop_draws, cut, random_crop_box
from keras_mvit.training.data.decode import decode
from keras_mvit.training.data.draws import of_each_image
from tests.training.data.test_decode import encode

PLAIN = Augmentation(horizontal_flip=False)


def draw(number):
    draws = crop_draws(tf.constant([[1, number]]), PLAIN)
    (draw,) = of_each_image({name: x.numpy() for name, x in draws.items()})
    return draw


def noise():
    generator = np.random.default_rng(0)
    return Image.fromarray(generator.integers(0, 256, (75, 117, 3), np.uint8))


@pytest.mark.parametrize(
    "encoded",
    [
        encode(noise(), "JPEG", subsampling=2),
        encode(noise(), "JPEG", subsampling=2, progressive=True),
        encode(noise().convert("L"), "JPEG"),
        encode(noise(), "PNG"),
        encode(noise().convert("P"), "GIF"),
    ],
)
def test_encoded_and_decoded_images_give_the_same_crops(encoded):
    pixels = decode(encoded)
    boxes = [random_crop_box(75, 117, draw(x), PLAIN) for x in range(3)]
    crops = [cut(pixels, box) for box in boxes]
    for number, crop in enumerate(crops):
        part = augment(encoded, 32, draw(number), PLAIN, "bilinear")
        expected = augment(pixels, 32, draw(number), PLAIN, "bilinear")
        np.testing.assert_array_equal(part, expected)
        assert np.shares_memory(crop, pixels)
    assert len({crop.shape for crop in crops}) == 3

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from keras_mvit.training.data import color

ENHANCEMENTS = {
    color.brightness: ImageEnhance.Brightness,
    color.contrast: ImageEnhance.Contrast,
    color.saturation: ImageEnhance.Color,
    color.sharpness: ImageEnhance.Sharpness,
}


def images():
    """Noise, a smooth image, few values, one value, nearly one value."""
    generator = np.random.default_rng(0)

    def noise(*shape):
        return generator.integers(0, 256, (*shape, 3), np.uint8)

    smooth = Image.fromarray(noise(5, 6)).resize((28, 20))
    return np.stack(
        [
            noise(20, 28),
            np.asarray(smooth),
            noise(20, 28) // 9 + 40,
            np.full((20, 28, 3), 7, np.uint8),
            noise(20, 28) % 2 + 99,
        ]
    )


def pillow(function, numbers):
    return np.stack(
        [
            np.asarray(function(Image.fromarray(image), number))
            for image, number in zip(images(), numbers, strict=True)
        ]
    )


def solarize_add(image, addend):
    return image.point(lambda x: min(255, x + int(addend)) if x < 128 else x)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 2, width=32), min_size=5, max_size=5))
@pytest.mark.parametrize("function", ENHANCEMENTS)
def test_enhancements_are_pillows(function, factors):
    expected = pillow(
        lambda i, f: ENHANCEMENTS[function](i).enhance(f), factors
    )
    result = function(images(), tf.constant(factors)).numpy()
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    "function, reference, numbers",
    [
        (color.posterize, ImageOps.posterize, [1, 2, 4, 7, 8]),
        (color.posterize, ImageOps.posterize, [8, 6, 5, 3, 1]),
        (color.solarize, ImageOps.solarize, [0.0, 1.5, 128.0, 178.5, 256.0]),
        (color.solarize, ImageOps.solarize, [178.5, 42.0, 55.1, 7.0, 100.0]),
        (color.solarize_add, solarize_add, [0, 110, 99, 50, 1]),
        (color.solarize_add, solarize_add, [110, 0, 1, 128, 40]),
        (color.invert, lambda i, _: ImageOps.invert(i), [0] * 5),
        (color.autocontrast, lambda i, _: ImageOps.autocontrast(i), [0] * 5),
        (color.equalize, lambda i, _: ImageOps.equalize(i), [0] * 5),
    ],
)
def test_the_rest_are_pillows(function, reference, numbers):
    result = function(images(), tf.constant(numbers, tf.float32)).numpy()
    np.testing.assert_array_equal(result, pillow(reference, numbers))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 250), st.integers(1, 6), st.integers(0, 1000))
def test_stretching_is_pillows_for_any_range(low, spread, seed):
    generator = np.random.default_rng(seed)
    image = generator.integers(low, low + spread, (9, 8, 3), np.uint8)
    for function, reference in (
        (color.autocontrast, ImageOps.autocontrast),
        (color.equalize, ImageOps.equalize),
    ):
        expected = np.asarray(reference(Image.fromarray(image)))
        result = function(image[None], tf.zeros(1))[0]
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    "function, neutral, other",
    [
        *((function, 1.0, 0.7) for function in ENHANCEMENTS),
        (color.posterize, 8.0, 4.0),
        (color.solarize, 256.0, 100.0),
        (color.solarize_add, 0.0, 5.0),
    ],
)
def test_the_neutral_number_changes_nothing(function, neutral, other):
    batch = images()
    result = function(batch, tf.fill(5, neutral))
    np.testing.assert_array_equal(result, batch)
    assert (function(batch, tf.fill(5, other)).numpy() != batch).any()


def test_posterize_to_nothing_is_black():
    assert not color.posterize(images(), tf.zeros(5)).numpy().any()

import numpy as np
import pytest
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
# Of the others, some values may be rounded the other way.
EXACT = (color.brightness,)


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


def ours(function, numbers):
    return np.stack(
        [
            function(image, np.float32(number))
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
    difference = np.abs(ours(function, factors).astype(int) - expected)
    assert difference.max() <= (function not in EXACT)


@pytest.mark.parametrize("factor", [0.1, 0.73, 1.27, 1.9])
@pytest.mark.parametrize("function", ENHANCEMENTS)
def test_few_values_are_rounded_the_other_way(function, factor):
    factors = [np.float32(factor)] * 5
    expected = pillow(
        lambda i, f: ENHANCEMENTS[function](i).enhance(f), factors
    )
    assert (ours(function, factors) != expected).mean() < 1e-3


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
    expected = pillow(reference, numbers)
    np.testing.assert_array_equal(ours(function, numbers), expected)


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
        np.testing.assert_array_equal(function(image, 0), expected)


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
    np.testing.assert_array_equal(ours(function, [neutral] * 5), images())
    assert (ours(function, [other] * 5) != images()).any()


def test_posterize_to_nothing_is_black():
    assert not ours(color.posterize, [0] * 5).any()

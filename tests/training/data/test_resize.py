import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn import datasets

from keras_mvit.training.data.resize import resize, resize_fast

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def noise(height, width, low=0, high=256):
    generator = np.random.default_rng(height * width)
    return generator.integers(low, high, (height, width, 3), np.uint8)


def pillow(image, size, interpolation):
    height, width = size
    resized = Image.fromarray(image).resize(
        (width, height), FILTERS[interpolation]
    )
    return np.asarray(resized, int)


@pytest.fixture(scope="module")
def photographs():
    return [np.asarray(x) for x in datasets.load_sample_images().images]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(31, 20), (90, 100)])
def test_resize_agrees_with_pillow(interpolation, size):
    image = noise(60, 80, 64, 192)
    expected = pillow(image, size, interpolation)
    result = resize(image, size, interpolation)
    np.testing.assert_array_equal(result, expected)
    if min(size) < 60:
        aliased = tf.image.resize(image, size, interpolation).numpy()
        assert np.abs(aliased - expected).max() > 20


@settings(deadline=None, max_examples=40)
@given(st.integers(40, 90), st.integers(50, 90))
def test_fast_enlarging_is_pillows(height, width):
    image = noise(40, 50, 64, 192)
    result = resize_fast(image, (height, width), "bilinear").astype(int)
    expected = pillow(image, (height, width), "bilinear")
    assert np.abs(result - expected).max() <= 1


def error(result, expected):
    return np.square(result.astype(int) - expected).mean() ** 0.5


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size_px", [600, 350, 290, 230, 160, 96, 50])
def test_fast_is_near_to_pillows(photographs, interpolation, size_px):
    other = {"bilinear": "bicubic", "bicubic": "bilinear"}[interpolation]
    size = (size_px, size_px)
    for image in photographs:
        image = image[:400, 100:500]
        # What is left out at the far end is no error.
        side = 400 - 400 % max(1, 400 // size_px)
        expected = pillow(image[:side, :side], size, interpolation)
        far = error(pillow(image[:side, :side], size, other), expected)
        near = error(resize_fast(image, size, interpolation), expected)
        aliased = error(
            tf.image.resize(image, size, interpolation).numpy(), expected
        )
        # A mean of whole numbers of pixels is blurred, and then OpenCV's
        # bicubic sharpens.
        blurred = interpolation == "bicubic" and size_px <= 200
        assert near < (2.1 if blurred else 1.7) * far
        assert near < 0.7 * aliased or size_px > 300


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_whole_numbers_of_pixels_are_averaged(interpolation):
    image = noise(41, 63)
    expected = image[:40, :60].reshape(20, 2, 15, 4, 3).mean(axis=(1, 3))
    result = resize_fast(image, (20, 15), interpolation)
    np.testing.assert_allclose(result, expected, atol=0.5)


@settings(deadline=None, max_examples=40)
@given(*[st.integers(1, 90)] * 4)
def test_any_size_to_any(height, width, new_height, new_width):
    image = noise(height, width, 100, 120)
    for interpolation in FILTERS:
        result = resize_fast(image, (new_height, new_width), interpolation)
        assert result.shape == (new_height, new_width, 3)
        assert result.min() >= 90 and result.max() <= 130


def test_one_side_may_shrink_and_the_other_grow():
    image = np.repeat(noise(1, 40), 30, axis=0)  # columns
    result = resize_fast(image, (15, 60), "bilinear")
    expected = pillow(image[:15], (15, 60), "bilinear")
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_bicubic_does_not_wrap_around():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = 255  # overshoots on both sides
    result = resize_fast(image, (32, 32), "bicubic").astype(int)
    assert (np.diff(result[0, :, 0])[14:17] > 0).all()
    assert result[:, :8].max() == 0 and result[:, -8:].min() == 255

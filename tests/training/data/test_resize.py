import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn import datasets

from keras_mvit.training.data.resize import resize, resize_fast

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
fast = tf.function(
    resize_fast,
    autograph=False,
    reduce_retracing=True,
)


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
    # Pillow clips what overshoots between its two passes: nothing does here.
    image = noise(60, 80, 64, 192)
    expected = pillow(image, size, interpolation)
    result = resize(image, size, interpolation).numpy()
    assert np.abs(result.astype(int) - expected).max() <= 1
    if min(size) < 60:
        aliased = tf.image.resize(image, size, interpolation).numpy()
        assert np.abs(aliased - expected).max() > 20


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@settings(deadline=None, max_examples=20)
@given(st.integers(40, 90), st.integers(50, 90))
def test_fast_enlarging_is_pillows(interpolation, height, width):
    image = noise(40, 50, 64, 192)
    result = fast(image, tf.constant([height, width]), interpolation).numpy()
    expected = pillow(image, (height, width), interpolation)
    assert np.abs(result.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size_px", [350, 290, 230, 160, 96])
def test_fast_shrinking_is_near_to_pillows(photographs, interpolation, size_px):
    other = {"bilinear": "bicubic", "bicubic": "bilinear"}[interpolation]
    size = (size_px, size_px)
    for image in photographs:
        image = image[:400, 100:500]
        expected = pillow(image, size, interpolation)
        near, far, aliased = (
            np.square(resized - expected).mean() ** 0.5
            for resized in (
                fast(image, tf.constant(size), interpolation)
                .numpy()
                .astype(int),
                pillow(image, size, other),
                tf.image.resize(image, size, interpolation).numpy(),
            )
        )
        assert near < 1.7 * far
        assert near < 0.7 * aliased or size_px > 300


def test_fast_shrinking_takes_the_mean_of_an_area():
    image = noise(40, 60)
    expected = image.reshape(20, 2, 15, 4, 3).mean(axis=(1, 3))
    result = fast(image, tf.constant([20, 15]), "bicubic").numpy()
    np.testing.assert_allclose(result, expected, atol=0.5)


def test_one_side_may_shrink_and_the_other_grow():
    image = np.repeat(noise(1, 40), 30, axis=0)  # columns
    result = fast(image, tf.constant([15, 60]), "bilinear").numpy()
    expected = pillow(image[:15], (15, 60), "bilinear")
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_bicubic_does_not_wrap_around():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = 255  # overshoots on both sides
    result = fast(image, tf.constant([32, 32]), "bicubic").numpy().astype(int)
    assert (np.diff(result[0, :, 0])[14:17] > 0).all()
    assert result[:, :8].max() == 0 and result[:, -8:].min() == 255

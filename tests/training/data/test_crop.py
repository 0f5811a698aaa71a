"""What the fused decoding of JPEGs must not change."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.crop import (
    crop_draws,
    random_crop,
    random_crop_box,
)
from keras_mvit.training.data.decode import (
    decode_image,
    decode_jpeg_window,
    is_whole_jpeg,
)

HEIGHT, WIDTH = 75, 117
PLAIN = Augmentation()
SMALL = Augmentation((0.01, 0.01))  # and likely far from the end of the file


@tf.function(autograph=False)
def crop(image, seed, augmentation):
    return random_crop(image, draw(seed, augmentation), augmentation)


@tf.function(autograph=False)
def crop_box(shape, seed, augmentation):
    return random_crop_box(shape, draw(seed, augmentation), augmentation)


def draw(seed, augmentation):
    draws = crop_draws(seed[None], augmentation)
    return {name: drawn[0] for name, drawn in draws.items()}


window = tf.function(
    decode_jpeg_window,
    input_signature=[
        tf.TensorSpec((), tf.string),
        tf.TensorSpec((3,), tf.int32),
        tf.TensorSpec((4,), tf.int32),
    ],
)


def encode(kind="JPEG", mode="RGB", **options):
    """Sharp colours: chroma at half the resolution shows."""
    pixels = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH, 3)) * 255
    image = Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@st.composite
def boxes(draw):
    height, width = draw(st.integers(1, HEIGHT)), draw(st.integers(1, WIDTH))
    top = draw(st.integers(0, HEIGHT - height))
    left = draw(st.integers(0, WIDTH - width))
    return top, left, height, width


JPEGS = [
    encode(subsampling=0),
    encode(subsampling=1),
    encode(subsampling=2),
    encode(subsampling=2, progressive=True),
    encode(mode="L"),
    encode(mode="CMYK"),
]


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(JPEGS) - 1), boxes())
@example(2, (1, 0, 1, 1))
@example(2, (1, WIDTH - 1, 1, 1))
def test_a_window_has_the_pixels_of_the_whole(kind, box):
    encoded = JPEGS[kind]
    top, left, height, width = box
    whole = decode_image(tf.constant(encoded)).numpy()
    part = window(encoded, whole.shape, box).numpy()
    expected = whole[top : top + height, left : left + width]
    np.testing.assert_array_equal(part, expected)


def test_a_bare_window_would_differ():
    box = [10, 32, 20, 32]
    whole = decode_image(tf.constant(JPEGS[2])).numpy()
    bare = tf.io.decode_and_crop_jpeg(JPEGS[2], box, channels=3).numpy()
    assert (bare != whole[10:30, 32:64]).any()


@pytest.mark.parametrize(
    "encoded",
    [
        *JPEGS,
        JPEGS[0] + b"\0\0",  # bytes after the end
        encode("PNG"),
        encode("PNG", "P"),
        encode("GIF", "P"),
        encode("BMP"),
        encode("BMP", "P"),
    ],
)
def test_encoded_and_decoded_images_give_the_same_crops(encoded):
    pixels = decode_image(tf.constant(encoded))
    for number in range(3):
        seed = tf.constant([1, number])
        part = crop(tf.constant(encoded), seed, PLAIN)
        expected = crop(pixels, seed, PLAIN)
        np.testing.assert_array_equal(part, expected)
        box = crop_box(tf.shape(pixels), seed, PLAIN)
        top, left, height, width = box.numpy()
        np.testing.assert_array_equal(
            part, pixels[top : top + height, left : left + width]
        )


@pytest.mark.parametrize("cut", [1, 2, 100, 2000])
def test_what_was_cut_off_is_no_whole_jpeg(cut):
    assert is_whole_jpeg(JPEGS[0])
    assert not is_whole_jpeg(JPEGS[0][:-cut])
    for number in range(3):
        with pytest.raises(tf.errors.InvalidArgumentError):
            crop(tf.constant(JPEGS[0][:-cut]), tf.constant([1, number]), SMALL)


@pytest.mark.parametrize("encoded", [b"\xff\xd8\xff", encode("PNG")])
def test_what_is_no_jpeg(encoded):
    assert not is_whole_jpeg(encoded)

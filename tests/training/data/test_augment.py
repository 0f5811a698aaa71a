import io
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn import datasets

from keras_mvit.training.data import augment as augment_module
from keras_mvit.training.data.augment import (
    augment,
    augment_draws,
    augment_images,
    resize_and_centre_crop,
)
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.crop import random_crop_box
from keras_mvit.training.data.decode import decode
from keras_mvit.training.data.draws import of_each_image

PLAIN = Augmentation((1.0, 1.0), (1.0, 1.0), horizontal_flip=False)


def noise(height, width, low=0, high=256):
    generator = np.random.default_rng(height * width)
    return generator.integers(low, high, (height, width, 3), np.uint8)


def seeds(count):
    return tf.stack([tf.zeros(count, tf.int32), tf.range(count)], axis=1)


def draws(seeds, augmentation):
    """What is drawn for each image: a list of dicts."""
    sizes_px = np.zeros(len(seeds))  # of erasing alone
    drawn = augment_draws(tf.constant(seeds), sizes_px, augmentation)
    return of_each_image({name: x.numpy() for name, x in drawn.items()})


def augment_by(image, size_px, seed, augmentation):
    (draw,) = draws([seed], augmentation)
    return augment(image, size_px, draw, augmentation, "bilinear")


def draw_boxes(height, width, augmentation, count=2000):
    return np.array(
        [
            random_crop_box(height, width, draw, augmentation)
            for draw in draws(seeds(count), augmentation)
        ]
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 600), st.integers(1, 600))
def test_crops_lie_inside(height, width):
    boxes = draw_boxes(height, width, Augmentation(), count=40)
    top, left, box_height, box_width = boxes.T
    assert (top >= 0).all() and (left >= 0).all()
    assert (box_height >= 1).all() and (box_width >= 1).all()
    assert (top + box_height <= height).all()
    assert (left + box_width <= width).all()


def test_crops_are_spread_as_asked():
    _, _, height, width = draw_boxes(1000, 1000, Augmentation((0.1, 0.6))).T
    area = height * width / 1e6
    assert 0.099 < area.min() < 0.11 and 0.58 < area.max() < 0.605
    assert abs(area.mean() - 0.35) < 0.02  # uniform
    ratio = np.log(width / height)
    assert abs(ratio.mean()) < 0.02  # symmetric in the logarithm
    assert abs(ratio.min() - np.log(3 / 4)) < 0.01
    assert abs(ratio.max() - np.log(4 / 3)) < 0.01


def test_corners_reach_the_borders():
    top, left, height, width = draw_boxes(12, 12, Augmentation((0.3, 0.5))).T
    assert top.min() == left.min() == 0
    assert (top + height).max() == (left + width).max() == 12


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((10, 100), [0, 43, 10, 13]),  # torchvision: width = 10 * 4 / 3
        ((100, 10), [43, 0, 13, 10]),
    ],
)
def test_fallback_is_a_centre_crop(shape, expected):
    boxes = draw_boxes(*shape, Augmentation((1.0, 1.0)), count=5)
    assert boxes.tolist() == [expected] * 5


def test_the_same_seed_gives_the_same_image():
    image = noise(50, 70)
    first, second = (
        augment_by(image, 32, [3, 4], Augmentation()) for _ in range(2)
    )
    other = augment_by(image, 32, [3, 5], Augmentation())
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


@pytest.mark.parametrize("operations", [0, 2])
def test_many_images_at_once(operations):
    images = noise(5 * 50, 70).reshape(5, 50, 70, 3)
    on = Augmentation(rand_augment_ops=operations)
    together = augment_images(
        images, 24, augment_draws(seeds(5), np.zeros(5), on), on, "bicubic"
    )
    for image, draw, result in zip(
        images, draws(seeds(5), on), together, strict=True
    ):
        alone = augment(image, 24, draw, on, "bicubic")
        np.testing.assert_array_equal(alone, result)


@pytest.mark.parametrize("size_px, reduction", [(100, 2), (48, 4), (20, 8)])
def test_jpegs_are_decoded_no_larger_than_needed(size_px, reduction):
    photograph = Image.fromarray(datasets.load_sample_images().images[0])
    file = io.BytesIO()
    photograph.resize((264, 200)).save(file, "JPEG", quality=95)
    image = decode(file.getvalue())
    (draw,) = draws([[0, 0]], PLAIN)
    with mock.patch.object(augment_module, "decode", wraps=decode) as spy:
        reduced = augment(file.getvalue(), size_px, draw, PLAIN, "bilinear")
    assert spy.call_args.args[1] == reduction
    whole = augment(image, size_px, draw, PLAIN, "bilinear")
    crop = image[:, 32:232]  # PLAIN's, the largest square
    expected, other = (
        np.asarray(Image.fromarray(crop).resize((size_px, size_px), kind), int)
        for kind in (Image.BILINEAR, Image.BICUBIC)
    )
    assert rms(reduced - expected) < 1.8 * rms(other - expected)
    assert rms(reduced - expected) < 1.2 * rms(whole - expected)


def rms(difference):
    return np.square(difference).mean() ** 0.5


def test_half_of_the_images_are_mirrored():
    image = noise(8, 8)
    flip = Augmentation((1.0, 1.0), (1.0, 1.0), horizontal_flip=True)
    mirrored = 0
    for seed in seeds(200).numpy():
        result = augment_by(image, 8, seed, flip)
        is_mirrored = (result == image[:, ::-1]).all()
        assert is_mirrored or (result == image).all()
        mirrored += is_mirrored
        kept = augment_by(image, 8, seed, PLAIN)
        np.testing.assert_array_equal(kept, image)
    assert 70 < mirrored < 130


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (33, 200), (64, 64)])
@pytest.mark.parametrize("crop_fraction", [1.0, 256 / 288])
def test_evaluation_is_pillows_resize_and_centre_crop(shape, crop_fraction):
    image = Image.fromarray(noise(*shape))
    short = round(48 / crop_fraction)
    scale = short / min(shape)
    width, height = round(image.width * scale), round(image.height * scale)
    left, top = (width - 48) // 2, (height - 48) // 2
    expected = image.resize((width, height), Image.BILINEAR).crop(
        (left, top, left + 48, top + 48)
    )
    result = resize_and_centre_crop(
        np.asarray(image), (48, 48), crop_fraction, "bilinear"
    )
    np.testing.assert_array_equal(result, np.asarray(expected))


@pytest.mark.parametrize("size", [(32, 64), (64, 32)])
@pytest.mark.parametrize("shape", [(50, 50), (20, 90), (90, 20)])
def test_evaluation_at_a_rectangular_size(size, shape):
    result = resize_and_centre_crop(noise(*shape), size, 0.875, "bicubic")
    assert result.shape == (*size, 3)

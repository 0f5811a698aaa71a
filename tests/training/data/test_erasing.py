import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.training.data.erasing import (
    erase,
    erase_by_noise,
    erasing_boxes,
)


def seeds(count):
    return tf.stack([tf.fill([count], 5), tf.range(count)], axis=1)


def boxes_of(count, side, value, probability=1.0):
    sizes = tf.fill([count], side)
    return erasing_boxes(seeds(count), sizes, probability, value).numpy()


@pytest.mark.parametrize("value, largest", [("zero", 0.33), ("pixel", 1 / 3)])
def test_boxes_are_spread_as_asked(value, largest):
    boxes = boxes_of(20_000, 1000, value, 0.25)
    boxes = boxes[boxes[:, 2] > 0]
    assert abs(len(boxes) / 20_000 - 0.25) < 0.01
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (top + height <= 1000).all()
    assert (left >= 0).all() and (left + width <= 1000).all()
    area = height * width / 1e6
    assert 0.0195 < area.min() < 0.021
    assert largest - 0.005 < area.max() < largest + 0.001
    ratio = np.log(height / width)
    assert abs(ratio.min() - np.log(0.3)) < 0.02
    assert abs(ratio.max() - np.log(1 / 0.3)) < 0.02
    assert abs(ratio.mean()) < 0.03
    assert top.min() == 0 and (top + height).max() == 1000


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.integers(2, 40))
def test_a_rectangle_is_overwritten_by_noise(count, side):
    images = np.full((count, side, side, 3), 5.0, np.float32)
    result = erase_by_noise(images, seeds(count), 1.0).numpy()
    boxes = boxes_of(count, side, "pixel")
    for image, box in zip(result, boxes, strict=True):
        erased = np.zeros((side, side, 3), np.uint8)
        erase(erased, box.tolist(), (1, 1, 1))
        assert (image[erased == 0] == 5).all() and (
            image[erased == 1] != 5
        ).all()
    part = erase_by_noise(images[-1:], seeds(count)[-1:], 1.0)
    np.testing.assert_array_equal(part, result[-1:])


def test_a_rectangle_gets_a_colour():
    image = np.zeros((7, 9, 3), np.uint8)
    erase(image, (2, 3, 4, 5), (10, 20, 30))
    assert (image[2:6, 3:8] == (10, 20, 30)).all()
    assert np.count_nonzero(image) == 4 * 5 * 3
    before = image.copy()
    erase(image, (0, 0, 0, 0), (1, 1, 1))
    np.testing.assert_array_equal(image, before)


def test_boxes_fit_images_of_any_size():
    sizes = tf.range(1, 200)
    boxes = erasing_boxes(seeds(199), sizes, 1.0, "zero").numpy()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes.numpy()[:, None]).all()
    one = erasing_boxes(seeds(199)[9:10], sizes[9:10], 1.0, "zero").numpy()
    np.testing.assert_array_equal(one, boxes[9:10])


def test_noise_is_normal_and_of_each_image_its_own():
    images = np.full((200, 32, 32, 3), 50.0, np.float32)
    result = erase_by_noise(images, seeds(200), 1.0).numpy()
    noise = result[result != 50]
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert len({image[image != 50][:5].tobytes() for image in result}) == 200


def test_probability_zero():
    images = np.ones((20, 8, 8, 3), np.float32)
    result = erase_by_noise(images, seeds(20), 0.0)
    np.testing.assert_array_equal(result, images)
    assert not boxes_of(20, 8, "zero", 0.0).any()


def test_a_batch_of_which_no_image_is_erased():
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.float32),
            tf.TensorSpec((None, 2), tf.int32),
        ]
    )
    def erased(images, seeds):
        return erase_by_noise(images, seeds, 1e-9)

    images = np.full((2, 8, 8, 3), 7, np.float32)
    np.testing.assert_array_equal(erased(images, np.zeros((2, 2), int)), images)

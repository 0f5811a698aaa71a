import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.training.data.erasing import erasing_boxes, random_erasing


def seeds(count):
    return tf.stack([tf.fill([count], 5), tf.range(count)], axis=1)


@pytest.mark.parametrize("value, largest", [("zero", 0.33), ("pixel", 1 / 3)])
def test_boxes_are_spread_as_asked(value, largest):
    boxes = erasing_boxes(seeds(20_000), [1000, 1000], 0.25, value).numpy()
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
@given(st.integers(1, 9), st.integers(2, 40), st.integers(2, 40))
@pytest.mark.parametrize("value", ["zero", "pixel"])
def test_a_rectangle_is_overwritten(value, count, height, width):
    images = np.full((count, height, width, 3), 5.0, np.float32)
    result = random_erasing(images, seeds(count), 1.0, value).numpy()
    boxes = erasing_boxes(seeds(count), [height, width], 1.0, value).numpy()
    for image, (top, left, box_height, box_width) in zip(
        result, boxes, strict=True
    ):
        erased = np.zeros((height, width), bool)
        erased[top : top + box_height, left : left + box_width] = True
        assert (image[~erased] == 5).all() and (image[erased] != 5).all()
        if value == "zero":
            assert (image[erased] == 0).all()
    if value == "zero":
        of_bytes = random_erasing(np.uint8(images), seeds(count), 1.0, value)
        np.testing.assert_array_equal(of_bytes, result)
    part = random_erasing(images[-1:], seeds(count)[-1:], 1.0, value)
    np.testing.assert_array_equal(part, result[-1:])


def test_noise_is_normal_and_of_each_image_its_own():
    images = np.full((200, 32, 32, 3), 50.0, np.float32)
    result = random_erasing(images, seeds(200), 1.0, "pixel").numpy()
    noise = result[result != 50]
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert len({image[image != 50][:5].tobytes() for image in result}) == 200


def test_probability_zero():
    images = np.ones((20, 8, 8, 3), np.float32)
    result = random_erasing(images, seeds(20), 0.0, "zero")
    np.testing.assert_array_equal(result, images)


def test_a_batch_of_which_no_image_is_erased():
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.uint8),
            tf.TensorSpec((None, 2), tf.int32),
        ]
    )
    def erase(images, seeds):
        return random_erasing(images, seeds, 1e-9, "zero")

    images = np.full((2, 8, 8, 3), 7, np.uint8)
    np.testing.assert_array_equal(erase(images, np.zeros((2, 2), int)), images)

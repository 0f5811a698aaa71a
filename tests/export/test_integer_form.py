import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.export import flatbuffer
from keras_mvit.export.integer_form import integer_form
from keras_mvit.export.interpret import LiteRTModel
from tests.export.broken_files import convert_function


def _spread(image):
    mean = tf.reduce_mean(image, axis=-1, keepdims=True)
    distance = tf.math.squared_difference(image, mean)
    return tf.concat([tf.negative(mean), distance, tf.square(image)], -1)


@pytest.mark.parametrize(
    "bits, gone",
    [(8, {"NEG", "SQUARE"}), (16, {"NEG", "SQUARE", "SQUARED_DIFFERENCE"})],
)
def test_the_same_function_of_other_operators(bits, gone):
    content = convert_function(_spread)
    again = integer_form(content, bits)
    before = set(flatbuffer.op_histogram(content))
    assert before >= {"NEG", "SQUARE", "SQUARED_DIFFERENCE"}
    assert before - set(flatbuffer.op_histogram(again)) == gone
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 3))
    images = images.astype(np.float32)
    np.testing.assert_allclose(
        LiteRTModel(again).predict(images),
        LiteRTModel(content).predict(images),
        rtol=1e-6,
    )


def test_a_file_without_them_keeps_its_operators(float32_file):
    content = convert_function(tf.nn.softmax)
    again = integer_form(content, 16)
    assert flatbuffer.operators(again) == flatbuffer.operators(content)

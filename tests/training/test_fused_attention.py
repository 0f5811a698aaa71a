from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.layers.softmax_attention import attention_weights
from keras_mvit.training import fused_attention
from keras_mvit.training.fused_attention import attend
from keras_mvit.training.fused_kernels import use_fused_kernels


def _plain(query, key, value, bias=None):
    return tf.matmul(attention_weights(query, key, bias), value)


def _gradients(function, tensors):
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        mixed = function(*tensors)
        loss = tf.reduce_sum(tf.sin(3 * mixed))
    return mixed, tape.gradient(loss, tensors, unconnected_gradients="zero")


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 4),
    queries=st.integers(1, 17),
    keys=st.integers(1, 9),
    width=st.integers(1, 8),
    biased=st.booleans(),
    most=st.sampled_from([3, 16, 65536]),
    seed=st.integers(0, 2**32 - 1),
)
def test_gradients_are_those_of_the_softmax(
    batch, heads, queries, keys, width, biased, most, seed
):
    random = np.random.default_rng(seed)
    shapes = [(batch, heads, n, width) for n in (queries, keys, keys)]
    shapes += [(heads, queries, keys)] * biased
    tensors = [
        tf.constant(random.normal(size=shape), tf.float32) for shape in shapes
    ]
    with mock.patch.object(fused_attention, "_MAX_SCORES", most):
        mixed, gradients = _gradients(attend, tensors)
    expected, expected_gradients = _gradients(_plain, tensors)
    assert_allclose(mixed, expected, atol=1e-6)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        assert_allclose(gradient, wanted, atol=2e-5)


@pytest.mark.parametrize(
    "queries, keys, pieces",
    [
        (256, 256, 1),
        (324, 324, 2),
        (400, 400, 4),
        (257, 400, 1),
        (900, 900, 15),
    ],
)
def test_queries_go_in_pieces_that_divide_them(queries, keys, pieces):
    assert fused_attention._pieces(queries, keys) == pieces


def _models(variant, **kwargs):
    plain, fused = (
        keras_mvit.create_model(
            variant, num_classes=4, input_shape=(64, 64, 3), **kwargs
        )
        for _ in range(2)
    )
    fused.set_weights(plain.get_weights())
    use_fused_kernels(fused)
    return plain, fused


def _subtractions(model):
    """How many operations of the step belong to gradients of softmaxes."""

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x, training=True) ** 2)
        return tape.gradient(loss, model.trainable_weights)

    graph = step.get_concrete_function(tf.TensorSpec((2, 64, 64, 3))).graph
    return sum(
        "gradient_tape" in operation.name
        and operation.type == "Sub"
        and "attention" in operation.name
        for operation in graph.get_operations()
    )


def test_the_softmax_has_no_gradient_of_its_own():
    plain, fused = map(_subtractions, _models("mobilevit_xxs"))
    assert plain > 0
    assert fused == 0


@pytest.mark.parametrize("variant", ["mobilevit_xxs", "cmt_ti"])
def test_a_step_is_the_same(variant):
    plain, fused = _models(variant, drop_path_rate=0.0, dropout_rate=0.0)
    images = np.random.default_rng(0).random((2, 64, 64, 3), "float32")
    gradients = []
    for model in (plain, fused):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(images, training=True)))
        gradients.append(tape.gradient(loss, model.trainable_weights))
    for gradient, fused_gradient in zip(*gradients, strict=True):
        scale = np.abs(gradient).max() + 1e-3
        assert_allclose(fused_gradient, gradient, atol=2e-3 * scale)


def test_dropped_weights_are_dropped():
    keras.utils.set_random_seed(0)
    layer = keras_mvit.layers.MultiHeadSelfAttention(
        2, attention_dropout_rate=0.5
    )
    model = keras.Sequential([keras.Input((9, 8)), layer])
    use_fused_kernels(model)
    x = np.random.default_rng(0).random((3, 9, 8), "float32")
    first, second = (model(x, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    assert_allclose(model(x), model(x))

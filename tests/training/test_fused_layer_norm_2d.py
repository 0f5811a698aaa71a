import keras
import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.layers import LayerNorm2D
from keras_mvit.training import compiled
from keras_mvit.training.fused_kernels import use_fused_kernels
from keras_mvit.training.fused_layer_norm_2d import normalize_map


def _plain(x, gamma, beta, epsilon):
    layer = LayerNorm2D(epsilon)
    layer.build(x.shape)
    layer.gamma, layer.beta = gamma, beta
    return layer.call(x)


def _with_gradients(function, tensors, *args):
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors, 1e-5, *args)
        loss = tf.reduce_sum(tf.sin(3 * y))
    return y, *tape.gradient(loss, tensors)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 4),
    height=st.integers(1, 5),
    width=st.integers(2, 5),
    channels=st.integers(1, 9),
    mean=st.floats(-3, 3),
    is_compiled=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_step_is_the_same(
    batch, height, width, channels, mean, is_compiled, seed
):
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (batch, height, width, channels))
    # A deviation that float32 can tell from rounding.
    x[:, 0, 0], x[:, -1, -1] = -2, 2
    tensors = [
        tf.constant(array, tf.float32)
        for array in (mean + x, *random.normal(size=(2, channels)))
    ]
    fused = _with_gradients(normalize_map, tensors, (batch,) * is_compiled)
    for ours, wanted in zip(
        fused, _with_gradients(_plain, tensors), strict=True
    ):
        scale = max(1, np.abs(wanted).max())
        assert_allclose(ours, wanted, atol=1e-4 * scale, rtol=0)


def test_only_named_batches_are_compiled(monkeypatch):
    monkeypatch.setattr(compiled, "_compiled", lambda _: lambda x, *_: x + 9)
    call = tf.function(
        lambda x: normalize_map(x, tf.ones(4), tf.zeros(4), 1e-5, (3,)),
        [tf.TensorSpec((None, None, None, 4))],
    )
    x = np.random.default_rng(0).normal(size=(4, 2, 5, 4)).astype("float32")
    assert_allclose(call(x[:3]), x[:3] + 9)
    assert np.abs(call(x) - x - 9).max() > 1


def test_the_transformers_of_a_model_train_by_it():
    plain, fused = (
        keras_mvit.create_model(
            "mobilevitv2_050", num_classes=4, input_shape=(None, None, 3)
        )
        for _ in range(2)
    )
    fused.set_weights(plain.get_weights())
    use_fused_kernels(fused)
    norms = [
        layer
        for layer in fused._flatten_layers()
        if isinstance(layer, LayerNorm2D)
    ]
    assert len(norms) == 21
    assert LayerNorm2D not in map(type, norms)
    images = np.random.default_rng(0).random((2, 64, 96, 3), "float32")
    assert_allclose(fused(images), plain(images), atol=1e-4)


def test_half_precision_is_as_it_was():
    layer = LayerNorm2D(dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((4, 6, 5)), layer])
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5))
    plain = layer(x)
    use_fused_kernels(model)
    assert type(layer) is not LayerNorm2D
    assert layer(x).dtype == "bfloat16"
    assert_allclose(layer(x), plain, atol=0)

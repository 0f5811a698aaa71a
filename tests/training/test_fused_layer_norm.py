import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.training import compiled
from keras_mvit.training.fused_kernels import use_fused_kernels


def _layers(shape, batch_sizes=(), **kwargs):
    """The same layer twice, one of them fused."""
    random = np.random.default_rng(0)
    pair = []
    for _ in range(2):
        layer = keras.layers.LayerNormalization(**kwargs)
        model = keras.Sequential([keras.Input(shape), layer])
        pair.append(layer)
    pair[0].set_weights(
        [random.normal(size=w.shape) for w in pair[0].get_weights()]
    )
    pair[1].set_weights(pair[0].get_weights())
    use_fused_kernels(model, batch_sizes)
    return pair


def _with_gradients(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(tf.sin(3 * tf.cast(y, tf.float32)))
    return y, *tape.gradient(loss, [x, *layer.trainable_weights])


def _assert_same(layers, x, terms=1e-3):
    plain, fused = (_with_gradients(layer, x) for layer in layers)
    for ours, wanted in zip(fused, plain, strict=True):
        assert ours.dtype == wanted.dtype
        # A gradient may be a small difference of large terms.
        scale = max(terms, np.abs(wanted).max())
        assert_allclose(ours, wanted, atol=1e-4 * scale, rtol=0)


def _tokens(shape, mean, seed):
    """Of a deviation that float32 can tell from rounding, between 0.5 and 2."""
    random = np.random.default_rng(seed)
    x = random.normal(size=shape)
    x -= x.mean(-1, keepdims=True)
    x /= x.std(-1, keepdims=True)
    x *= random.uniform(0.5, 2, (*shape[:-1], 1))
    return tf.constant(mean + x, tf.float32)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    channels=st.integers(2, 9),
    mean=st.floats(-3, 3),
    is_compiled=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_step_is_the_same(shape, channels, mean, is_compiled, seed):
    layers = _layers(
        (*shape[1:], channels), (shape[0],) * is_compiled, epsilon=1e-5
    )
    _assert_same(layers, _tokens((*shape, channels), mean, seed), terms=1)


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(scale=False),
        dict(center=False),
        dict(axis=1),
        dict(axis=[1, 2]),
        dict(axis=2),
        dict(dtype="mixed_bfloat16"),
    ],
)
def test_other_forms_are_as_they_were(kwargs):
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    _assert_same(_layers((4, 6), **kwargs), tf.constant(x))


def test_the_layer_says_it_is_keras_own():
    plain, fused = _layers((4, 6), name="norm")
    assert type(fused) is not type(plain)
    assert fused.get_config() == plain.get_config()


def test_only_named_batches_are_compiled(monkeypatch):
    _, layer = _layers((2, 4), (3,))
    monkeypatch.setattr(compiled, "_compiled", lambda _: lambda x, *_: x + 9)
    call = tf.function(layer, [tf.TensorSpec((None, 2, 4))])
    x = np.random.default_rng(0).normal(size=(4, 2, 4)).astype("float32")
    assert_allclose(call(x[:3]), x[:3] + 9)
    assert np.abs(call(x) - x - 9).max() > 1


def test_the_transformers_of_a_model_train_by_it():
    model = keras_mvit.create_model(
        "mobilevit_xxs", num_classes=4, input_shape=(None, None, 3)
    )

    def norms():
        return [
            type(layer)
            for layer in model._flatten_layers()
            if isinstance(layer, keras.layers.LayerNormalization)
        ]

    assert set(norms()) == {keras.layers.LayerNormalization}
    use_fused_kernels(model)
    assert len(norms()) == 21
    assert keras.layers.LayerNormalization not in norms()

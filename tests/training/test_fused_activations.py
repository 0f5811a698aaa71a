import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

import keras_mvit
from keras_mvit.training import compiled
from keras_mvit.training.fused_activations import make_activations
from keras_mvit.training.fused_kernels import use_fused_kernels

_ACTIVATIONS = [keras.activations.silu, keras.activations.gelu]


def _with_gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y, tape.gradient(y, x, tf.cos(tf.cast(x, x.dtype)))


@pytest.mark.parametrize("batch_sizes", [(), (5001,)])
@pytest.mark.parametrize(
    "dtype, error", [("float32", 4e-6), ("float16", 0), ("float64", 0)]
)
@pytest.mark.parametrize("plain", _ACTIVATIONS)
def test_it_is_the_activation(plain, dtype, error, batch_sizes):
    fused = make_activations(batch_sizes)[plain]
    x = tf.constant(np.linspace(-60, 60, 5001), dtype)
    for ours, wanted in zip(
        _with_gradient(fused, x), _with_gradient(plain, x), strict=True
    ):
        assert_allclose(ours, wanted, atol=error, rtol=0)


@pytest.mark.parametrize(
    "layer, plain",
    [
        (keras_mvit.layers.ConvNormAct(4), keras.activations.silu),
        (keras_mvit.layers.CMTStem(4), keras.activations.gelu),
        (keras_mvit.layers.InvertedResidualFFN(4), keras.activations.gelu),
    ],
)
def test_the_model_trains_by_it_and_says_what_it_said(layer, plain):
    config = layer.get_config()
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    assert layer.activation is plain
    use_fused_kernels(model)
    assert layer.activation is not plain
    assert layer.get_config() == config


def test_batches_that_are_not_named_are_not_compiled(monkeypatch):
    silu = make_activations((3, 4))[keras.activations.silu]
    monkeypatch.setattr(compiled, "_compiled", lambda _: lambda x, *_: x + 9)
    both = tf.function(
        lambda x: _with_gradient(silu, x), [tf.TensorSpec((None, 2))]
    )
    for count in range(1, 6):
        y, gradient = both(tf.ones((count, 2)))
        is_compiled = count in (3, 4)
        assert_allclose(y, 10 if is_compiled else 0.7310586, rtol=1e-5)
        assert_allclose(
            gradient, 10 if is_compiled else 0.927671 * np.cos(1), rtol=1e-5
        )


@pytest.mark.parametrize("plain", _ACTIVATIONS)
def test_any_map_in_one_trace(plain):
    fused = make_activations((1, 2, 5))[plain]
    traces = []

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])
    def both(x):
        traces.append(x)
        return _with_gradient(fused, x)

    random = np.random.default_rng(0)
    for batch in (1, 2, 3, 5):
        for size in (1, 4, 7):
            x = random.normal(0, 5, (batch, size, size + 1, 3))
            x = tf.constant(x, tf.float32)
            wanted = _with_gradient(plain, x)
            for ours, theirs in zip(both(x), wanted, strict=True):
                assert_allclose(ours, theirs, atol=4e-6, rtol=0)
    assert len(traces) == 1


def test_tensorflow_without_xla(monkeypatch):
    def missing(function, jit_compile=None, reduce_retracing=None):
        def run(*_):
            raise tf.errors.UnimplementedError(None, None, "no XLA here")

        return run

    assert compiled._is_compiled_here.__wrapped__()
    monkeypatch.setattr(tf, "function", missing)
    monkeypatch.setattr(compiled, "_compiled", compiled._compiled.__wrapped__)
    assert not compiled._is_compiled_here.__wrapped__()


def test_other_activations_stay():
    layer = keras_mvit.layers.ConvNormAct(4, activation="relu")
    use_fused_kernels(keras.Sequential([keras.Input((8, 8, 3)), layer]))
    assert layer.activation is keras.activations.relu

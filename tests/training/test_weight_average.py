import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_mvit.training.weight_average import WeightAverage


def make_model(**kwargs):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.AdamW(0.1, **kwargs), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


class Record(keras.callbacks.Callback):
    """The weights after every step."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.weights.append(self.model.get_weights())


def fit(decay, every=1, epochs=1):
    """The average by the callback, and by the textbook."""
    keras.utils.set_random_seed(0)
    accumulation = every if every > 1 else None
    model = make_model(gradient_accumulation_steps=accumulation)
    average = make_model()
    average.set_weights(model.get_weights())
    expected, record = model.get_weights(), Record()
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 3)), generator.normal(size=(60, 1))
    callbacks = [WeightAverage(average, decay), record]
    for _ in range(epochs):  # each a call of `fit`, as in training
        model.fit(x, y, batch_size=2, verbose=0, callbacks=callbacks)
    for t, weights in enumerate(record.weights[every - 1 :: every], 1):
        d = min(decay, (1 + t) / (10 + t))
        expected = [
            d * old + (1 - d) * new
            for old, new in zip(expected, weights, strict=True)
        ]
    return model, average, expected


@pytest.mark.parametrize("decay", [0.5, 0.9995])
def test_is_the_moving_average_of_all_weights(decay):
    model, average, expected = fit(decay)
    assert len(expected) == 8  # statistics of the normalization included
    for ours, theirs, raw in zip(
        average.get_weights(), expected, model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        assert not np.allclose(ours, raw, rtol=1e-3)  # it does trail


def test_moves_when_the_optimizer_does():
    # 2 calls of 30 batches, 4 to a step: one step has batches of both calls.
    model, average, expected = fit(0.9, every=4, epochs=2)
    assert int(model.optimizer.iterations) == 15
    for ours, theirs in zip(average.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_step_left_out_moves_nothing():
    model, average = make_model(), make_model()
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.AdamW(0.1), initial_scale=1e38
    )
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    before = average.get_weights()
    x, y = np.ones((2, 3)), np.full((2, 1), 1e6)  # overflows
    model.fit(x, y, verbose=0, callbacks=[WeightAverage(average)])
    assert int(optimizer.iterations) == 0
    for ours, first in zip(average.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, first)


def test_no_decay_is_no_averaging():
    model, average, _ = fit(0.0)
    for ours, raw in zip(
        average.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, raw, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_bad_decay(decay):
    with pytest.raises(ValueError, match=f"got {decay}"):
        WeightAverage(make_model(), decay)


@pytest.mark.large
def test_on_jax():
    pytest.importorskip("jax", reason="extra `jax`")
    subprocess.run(
        [sys.executable, "-m", "pytest", __file__],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True,
    )

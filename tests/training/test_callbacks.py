import keras
import numpy as np
import pytest

from keras_mvit.training.callbacks import (
    DivergedError,
    SaveDuringEpoch,
    StepCallbacks,
    StopIfNotFinite,
)


class Number:
    """A figure that says whether somebody has waited for it."""

    def __init__(self, value):
        self.value = value
        self.is_read = False

    def __float__(self):
        self.is_read = True
        return self.value


class Signal:
    """A termination that is asked for, or not."""

    def __init__(self, asked=False):
        self.asked = asked

    def poll(self):
        return self.asked

    def obey(self):
        pass


def train(stop, saved, losses, every=0, asked=False):
    """Runs the callbacks of an epoch with such losses."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    save = SaveDuringEpoch(
        stop.check, lambda step, logs: saved.append(step), every, Signal(asked)
    )
    callbacks = StepCallbacks([stop, save], model)
    callbacks.on_train_begin()
    for step, loss in enumerate(losses):
        callbacks.on_train_batch_end(step, {"loss": loss})
    callbacks.on_epoch_end(0, {})
    callbacks.on_train_end()


def test_a_step_is_waited_for_when_the_next_has_begun():
    stop = StopIfNotFinite(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callbacks = StepCallbacks([stop], model)
    callbacks.on_train_begin()
    first, second = Number(1.0), Number(2.0)
    callbacks.on_train_batch_end(0, {"loss": first})
    assert not first.is_read
    callbacks.on_train_batch_end(1, {"loss": second})
    assert first.is_read and not second.is_read
    callbacks.on_epoch_end(0, {})
    assert second.is_read


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("every", [0, 1, 2, 3])
def test_names_the_step_and_saves_none_after_it(bad, step, every):
    losses = [1.0] * 5
    losses[step - 1] = bad
    saved = []
    with pytest.raises(DivergedError, match=f"epoch 4, step {7 + step}\\."):
        train(StopIfNotFinite(3, 7), saved, losses, every)
    assert all(done < step for done in saved)


def test_a_signal_saves_no_step_that_is_not_finite():
    saved = []
    with pytest.raises(DivergedError, match="step 1\\."):
        train(StopIfNotFinite(0), saved, [np.nan], asked=True)
    assert saved == []


def test_saves_every_so_many_steps():
    saved = []
    train(StopIfNotFinite(0), saved, [1.0] * 5, every=2)
    assert saved == [2, 4]


def test_keras_fits_with_them():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = np.ones((4, 1))
    stop = StopIfNotFinite(0)
    callbacks = StepCallbacks([stop], model)
    history = model.fit(data, data, verbose=0, callbacks=callbacks).history
    assert len(history["loss"]) == 1
    with pytest.raises(DivergedError, match="step 1\\."):
        model.fit(data * np.nan, data, verbose=0, callbacks=callbacks)

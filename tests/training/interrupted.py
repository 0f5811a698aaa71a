"""Runs that are stopped in the middle, or diverge, and go on."""

import keras
import pytest

from keras_mvit.training import train_model


def train_in_two_parts(settings, step):
    """Trains; at the end of some step comes Ctrl-C; trains again.

    Args:
        settings: `Settings`.
        step: int. Counted from 1.

    Returns:
        The history, as of `train_model`.
    """
    interrupt(settings, step)
    return train_model(settings)


def interrupt(settings, step):
    """Trains until Ctrl-C comes, at the end of some step.

    Args:
        settings: `Settings`.
        step: int. Counted from 1.

    Returns:
        pytest.ExceptionInfo.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", _interrupted_fit(step))
        with pytest.raises(KeyboardInterrupt) as error:
            train_model(settings)
    return error


def diverge_from(patch, step):
    """Has inputs be no numbers from a step of this process on.

    Args:
        patch: pytest.MonkeyPatch.
        step: int. Counted from 1.
    """
    steps = keras.Variable(0.0)
    train_step = keras.Model.train_step

    def poisoned(model, data):
        x, y = data
        steps.assign_add(1.0)
        poison = keras.ops.where(steps < step, 0.0, float("nan"))
        return train_step(model, (x + poison, y))

    patch.setattr(keras.Model, "train_step", poisoned)


def _interrupted_fit(step):
    count = 0
    fit = keras.Model.fit

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            nonlocal count
            count += 1
            if count == step:
                raise KeyboardInterrupt

    def interrupted(model, *args, callbacks, **kwargs):
        callbacks.callbacks.append(Interrupt())
        return fit(model, *args, callbacks=callbacks, **kwargs)

    return interrupted

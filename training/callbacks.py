"""What happens after each step: look at the loss, save, obey a signal."""

import math

import keras

from keras_mvit.training.live_state import put_back


class DivergedError(FloatingPointError):
    """The loss, or a weight, is not finite any more.

    Args:
        what: str. What is not finite, and where.
    """

    def __init__(self, what):
        super().__init__(
            f"{what}. The last checkpoint is kept; it is from before. Go on "
            "with a lower --learning_rate, a longer --warmup_epochs, "
            "--clip_norm or --mixed_precision=none"
        )


class StopIfNotFinite(keras.callbacks.Callback):
    """Stops at the first step whose loss is infinite or not a number.

    Args:
        epoch: int, from 0.
        first_step: int. Steps of the epoch that were done before.
    """

    def __init__(self, epoch, first_step=0):
        super().__init__()
        self._epoch = epoch
        self._first_step = first_step

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        check_finite(logs["loss"], self._epoch, self._first_step + batch + 1)


class SaveDuringEpoch(keras.callbacks.Callback):
    """Saves every so many steps, and before obeying a signal.

    Args:
        save: callable of the steps done in this call of `fit`, and logs.
        every: int. Steps; 0 for never.
        termination: `Termination`.
        first_step: int. Steps of the epoch that were done before.
    """

    def __init__(self, save, every, termination, first_step=0):
        super().__init__()
        self._save = save
        self._every = every
        self._termination = termination
        self._first_step = first_step

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        step = self._first_step + batch + 1
        asked = self._termination.poll()
        if asked or (self._every and step % self._every == 0):
            put_back(self.model)
            self._save(batch + 1, logs)
        self._termination.obey()


def check_finite(loss, epoch, step):
    """Raises `DivergedError` unless the loss is finite.

    Args:
        loss: float.
        epoch: int, from 0.
        step: int, from 1.
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"The loss is {float(loss)} at epoch {epoch + 1}, step {step}"
        )

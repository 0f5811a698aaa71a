"""What happens after each step: look at the loss, save, obey a signal."""

import math

import keras

from keras_mvit.training.live_state import put_back


class DivergedError(FloatingPointError):
    """The loss, or a weight, is not finite any more.

    Args:
        what: str. What is not finite, and where.
        step: int or None. Of the epoch, from 1: how far it came.
        checkpoint: str. What has become of the last one.

    Attributes:
        what, step: as given.
    """

    def __init__(
        self,
        what,
        step=None,
        checkpoint="The last checkpoint is kept; it is from before",
    ):
        self.what = what
        self.step = step
        super().__init__(
            f"{what}. {checkpoint}. Go on with a lower --learning_rate, a "
            "longer --warmup_epochs, --clip_norm or --mixed_precision=none"
        )


class StepCallbacks(keras.callbacks.CallbackList):
    """Callbacks of `fit` that get a step's logs before they are computed.

    Keras's own list reads them first, so that a GPU idles until the next step
    is prepared. Here whoever reads them waits.

    Args:
        callbacks: list of `keras.callbacks.Callback`.
        model: `keras.Model`.
    """

    def __init__(self, callbacks, model):
        super().__init__(callbacks, add_history=True, model=model)

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class StopIfNotFinite(keras.callbacks.Callback):
    """Stops after the first step whose loss is infinite or not a number.

    It looks at a step when the next one has begun.

    Args:
        epoch: int, from 0.
        first_step: int. Steps of the epoch that were done before.
    """

    def __init__(self, epoch, first_step=0):
        super().__init__()
        self._epoch = epoch
        self._first_step = first_step
        self._unread = None  # step and loss

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        self.check()
        self._unread = (self._first_step + batch + 1, logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        """Keras calls this after the last step."""
        self.check()

    def check(self):
        """Waits for the last step.

        Raises:
            DivergedError: its loss is not finite.
        """
        if self._unread is not None:
            step, loss = self._unread
            check_finite(loss, self._epoch, step)


class SaveDuringEpoch(keras.callbacks.Callback):
    """Saves every so many steps, and before obeying a signal.

    Args:
        check: callable. Raises an error if there is nothing worth saving.
        save: callable of the steps done in this call of `fit`, and logs.
        every: int. Steps; 0 for never.
        termination: `Termination`.
        first_step: int. Steps of the epoch that were done before.
    """

    def __init__(self, check, save, every, termination, first_step=0):
        super().__init__()
        self._check = check
        self._save = save
        self._every = every
        self._termination = termination
        self._first_step = first_step

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        step = self._first_step + batch + 1
        asked = self._termination.poll()
        if asked or (self._every and step % self._every == 0):
            self._check()
            put_back(self.model)
            self._save(batch + 1, logs)
        self._termination.obey()


def check_finite(loss, epoch, step, name="loss"):
    """Raises `DivergedError` unless the loss is finite.

    Args:
        loss: float.
        epoch: int, from 0.
        step: int, from 1.
        name: str. What to call it.
    """
    loss = float(loss)
    if not math.isfinite(loss):
        raise DivergedError(
            f"The {name} is {loss} at epoch {epoch + 1}, step {step}", step
        )

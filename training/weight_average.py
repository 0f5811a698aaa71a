"""The exponential moving average of a model's weights."""

import keras

from keras_mvit.training.live_state import LiveState


class WeightAverage(keras.callbacks.Callback):
    """Keeps a second model whose weights trail the trained one's.

    All weights are averaged, the batch normalizations' statistics included,
    after every step of the optimizer; while gradients accumulate, or when loss
    scaling leaves a step out, nothing moves. Keras's own `use_ema` leaves the
    statistics out. The decay of step t (from 1) is
    `min(decay, (1 + t) / (10 + t))`, so that short runs are not held back by
    their first weights.

    Args:
        model: `keras.Model` of the same architecture as the trained one; holds
            the average. Among several processes each has its own, made
            outside of the distribution, and all are equal.
        decay: float from 0 (no averaging) to below 1.

    Raises:
        ValueError: `decay` is out of range.
    """

    def __init__(self, model, decay=0.9995):
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be from 0 to below 1, got {decay}")
        self.average = model
        self.decay = decay
        self._move = None
        self._live = None
        self._steps = 0

    def on_train_begin(self, logs=None):
        """Keras calls this at the start of `fit`."""
        if self._live is None:
            self._live = LiveState(self.model)
            self._move = _mover(self.average.weights, self._live.weights)
        self._steps = self._live.optimizer_steps()

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every batch."""
        steps = self._live.optimizer_steps_after_batch()
        if steps == self._steps:
            return
        self._steps = steps
        decay = min(self.decay, (1 + steps) / (10 + steps))
        self._move(1 - decay)


def _mover(averages, weights):
    """The backend's way to move `averages` by a share towards the weights.

    Args:
        averages: list of `keras.Variable`.
        weights: callable. Gives the list of the weights' values.

    Returns:
        callable of the share, a float.
    """

    def move(share):
        for average, weight in zip(averages, weights(), strict=True):
            average.assign_add(share * (weight - average.value))

    if keras.backend.backend() == "jax":
        return _jax_mover(averages, weights)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(move)
        return lambda share: traced(tf.constant(share))  # a float retraces
    return move


def _jax_mover(averages, weights):
    import jax

    @jax.jit
    def moved(values, weights, share):
        return [
            value + share * (weight - value)
            for value, weight in zip(values, weights, strict=True)
        ]

    def move(share):
        values = moved([v.value for v in averages], weights(), share)
        for average, value in zip(averages, values, strict=True):
            average.assign(value)

    return move

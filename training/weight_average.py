"""The exponential moving average of a model's weights."""

import keras
import tensorflow as tf


class WeightAverage(keras.callbacks.Callback):
    """Keeps a second model whose weights trail the trained one's.

    All weights are averaged, the batch normalizations' statistics included,
    after every optimizer step. Keras's own `use_ema` leaves those statistics
    out. The decay of step t (from 1) is `min(decay, (1 + t) / (10 + t))`, so
    that short runs are not held back by their first weights.

    Args:
        model: `keras.Model` of the same architecture as the trained one; holds
            the average.
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

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        self.update(self.model.optimizer.iterations)

    @tf.function
    def update(self, iterations):
        """Moves the average towards the weights, after so many steps."""
        step = tf.cast(iterations, tf.float32)
        decay = tf.minimum(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(
            self.average.weights, self.model.weights, strict=True
        ):
            difference = tf.cast(weight.value, tf.float32) - average.value
            average.assign_add((1 - decay) * difference)

"""Stochastic depth."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="keras_mvit")
class DropPath(layers.Layer):
    """Drop a residual branch for whole samples while training.

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016,
    https://arxiv.org/abs/1603.09382. Kept samples are scaled by
    `1 / (1 - rate)`, so that the expectation is unchanged.

    Args:
        rate: float. Probability of dropping a sample, in [0, 1).
        seed: int or None. Seed of the draws.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, ...).
    Output shape: as the input.

    Raises:
        ValueError: `rate` is outside [0, 1).

    Example:
        >>> DropPath(0.5)(keras.ops.ones((2, 4))).shape
        (2, 4)
    """

    def __init__(self, rate=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1). Received: {rate}")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate else None

    def call(self, x, training=None):
        """Return `x`, with some samples zeroed while training."""
        if not self.rate or not training:
            return x
        keep = 1.0 - self.rate
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        draw = keras.random.uniform(shape, seed=self.seed_generator)
        mask = ops.cast(draw < keep, x.dtype)
        return x * mask / keep

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}

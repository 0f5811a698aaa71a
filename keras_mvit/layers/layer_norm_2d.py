"""Normalization over a whole map."""

import keras
from keras import layers, ops

from keras_mvit.layers.precision import at_least_float32


@keras.saving.register_keras_serializable(package="keras_mvit")
class LayerNorm2D(layers.Layer):
    """Group normalization with one group: one mean and variance a sample.

    Wu & He, "Group Normalization", ECCV 2018, https://arxiv.org/abs/1803.08494,
    with a single group, which ml-cvnets calls `layer_norm_2d`. The statistics
    run over all axes but the batch, the scale and offset over channels.
    Differs from `keras.layers.GroupNormalization(1)` only in that no tensor
    has more than four axes, which mobile GPU delegates need.

    Args:
        epsilon: float. Added to the variance. Defaults to 1e-5.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C), or (B, P, N, C).
    Output shape: as the input.

    Example:
        >>> LayerNorm2D()(keras.ops.ones((1, 8, 8, 64))).shape
        (1, 8, 8, 64)
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        """Create scale and offset for `input_shape[-1]` channels."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(
            name="gamma", shape=shape, initializer="ones"
        )
        self.beta = self.add_weight(
            name="beta", shape=shape, initializer="zeros"
        )
        self.built = True

    def call(self, x):
        """Return the normalized map."""
        # In float32 also under mixed precision: a sum over a whole map.
        x = at_least_float32(x)
        centred = x - ops.mean(x, axis=(1, 2, 3), keepdims=True)
        variance = ops.mean(centred * centred, axis=(1, 2, 3), keepdims=True)
        x = centred * ops.rsqrt(variance + self.epsilon)
        x = x * ops.cast(self.gamma, x.dtype) + ops.cast(self.beta, x.dtype)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"epsilon": self.epsilon}

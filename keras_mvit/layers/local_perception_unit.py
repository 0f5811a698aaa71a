"""The local perception unit of CMT."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable


@keras.saving.register_keras_serializable(package="keras_mvit")
class LocalPerceptionUnit(layers.Layer):
    """A depthwise 3x3 convolution with bias, added to its input.

    Guo et al., "CMT", CVPR 2022, section 3.2, equation 1,
    https://arxiv.org/abs/2107.06263.

    Args:
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: as the input.

    Example:
        >>> LocalPerceptionUnit()(keras.ops.ones((1, 8, 8, 46))).shape
        (1, 8, 8, 46)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.DepthwiseConv2D(
            3,
            padding="same",
            depthwise_initializer=initializers.depthwise_kernel(),
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        self.conv.build(input_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x):
        """Return the map plus what its neighbourhood says."""
        return x + self.conv(x)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

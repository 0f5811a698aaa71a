"""The feed-forward network of CMT."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable


@keras.saving.register_keras_serializable(package="keras_mvit")
class InvertedResidualFFN(layers.Layer):
    """Expand by a 1x1, filter by a depthwise 3x3 with shortcut, project.

    Guo et al., "CMT", CVPR 2022, section 3.2, equations 4 and 5,
    https://arxiv.org/abs/2107.06263. GELU (exact) comes before batch
    normalization; the shortcut around the depthwise convolution joins before
    the GELU; nothing follows the last normalization.

    Args:
        hidden_dim: int. Channels between the 1x1 convolutions.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: as the input.

    Example:
        >>> InvertedResidualFFN(165)(keras.ops.ones((1, 8, 8, 46))).shape
        (1, 8, 8, 46)
    """

    def __init__(self, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.gelu  # by the error function
        self.hidden_dim = hidden_dim
        self.expand_conv = self._pointwise(hidden_dim, "expand_conv")
        self.expand_bn = self._norm("expand_bn")
        self.depthwise_conv = layers.DepthwiseConv2D(
            3,
            padding="same",
            depthwise_initializer=initializers.depthwise_kernel(),
            dtype=self.dtype_policy,
            name="depthwise_conv",
        )
        self.depthwise_bn = self._norm("depthwise_bn")
        self.project_bn = self._norm("project_bn")

    def _pointwise(self, filters, name):
        return layers.Conv2D(
            filters,
            1,
            kernel_initializer=initializers.conv_kernel(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name):
        return layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name=name
        )

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        # It gives back the input's channels, known only here.
        self.project_conv = self._pointwise(input_shape[-1], "project_conv")
        hidden_shape = (*input_shape[:-1], self.hidden_dim)
        self.expand_conv.build(input_shape)
        self.expand_bn.build(hidden_shape)
        self.depthwise_conv.build(hidden_shape)
        self.depthwise_bn.build(hidden_shape)
        self.project_conv.build(hidden_shape)
        self.project_bn.build(input_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the map after the network."""
        x = self.activation(self.expand_conv(x))
        x = self.expand_bn(x, training=training)  # (B, H, W, hidden)
        x = x + self.depthwise_conv(x)
        x = self.activation(x)
        x = self.depthwise_bn(x, training=training)
        return self.project_bn(self.project_conv(x), training=training)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"hidden_dim": self.hidden_dim}

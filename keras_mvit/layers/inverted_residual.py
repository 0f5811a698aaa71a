"""The inverted residual of MobileNetV2."""

import keras
from keras import layers

from keras_mvit.layers.conv_norm_act import ConvNormAct
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.rounding import make_divisible


@keras.saving.register_keras_serializable(package="keras_mvit")
class InvertedResidual(layers.Layer):
    """Expand by a 1x1, filter by a depthwise 3x3, project by a linear 1x1.

    Sandler et al., "MobileNetV2", CVPR 2018, section 3.3,
    https://arxiv.org/abs/1801.04381. The input is added to the output where
    the stride is 1 and the channels agree.

    Args:
        filters: int. Output channels.
        strides: int. 1 or 2. Defaults to 1.
        expand_ratio: float. Hidden channels are `C * expand_ratio`, rounded to
            a multiple of 8. Defaults to 4.
        dilation_rate: int. Of the depthwise convolution. Defaults to 1.
        activation: str, callable or None. After the first two convolutions.
            Defaults to "silu".
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: (B, ceil(H / strides), ceil(W / strides), filters).

    Example:
        >>> layer = InvertedResidual(24, strides=2, expand_ratio=2)
        >>> layer(keras.ops.ones((1, 32, 32, 16))).shape
        (1, 16, 16, 24)
    """

    def __init__(
        self,
        filters,
        strides=1,
        expand_ratio=4,
        dilation_rate=1,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.expand_ratio = expand_ratio
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        # The hidden width follows from the input, known only here.
        hidden = make_divisible(round(input_shape[-1] * self.expand_ratio), 8)
        common = dict(dtype=self.dtype_policy)
        self.expand = ConvNormAct(
            hidden, 1, activation=self.activation, name="expand", **common
        )
        self.depthwise = ConvNormAct(
            None,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            name="depthwise",
            **common,
        )
        self.project = ConvNormAct(
            self.filters, 1, activation=None, name="project", **common
        )
        self.add_shortcut = (
            self.strides == 1 and input_shape[-1] == self.filters
        )
        shape = input_shape
        for layer in (self.expand, self.depthwise, self.project):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the projected map, plus `x` where the shapes agree."""
        shortcut = x
        x = self.expand(x, training=training)
        x = self.depthwise(x, training=training)
        x = self.project(x, training=training)
        return x + shortcut if self.add_shortcut else x

    def compute_output_shape(self, input_shape):
        """Return (B, ceil(H / strides), ceil(W / strides), filters)."""
        batch, *size, _ = input_shape
        size = [s and -(-s // self.strides) for s in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "filters": self.filters,
            "strides": self.strides,
            "expand_ratio": self.expand_ratio,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
        }

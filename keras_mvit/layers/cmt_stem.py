"""The stem of CMT."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable


@keras.saving.register_keras_serializable(package="keras_mvit")
class CMTStem(layers.Layer):
    """Three 3x3 convolutions, the first of stride 2.

    Guo et al., "CMT: Convolutional Neural Networks Meet Vision Transformers",
    CVPR 2022, section 3.1, https://arxiv.org/abs/2107.06263. Each is followed
    by an exact GELU and then by batch normalization, in this order.

    Args:
        filters: int. Output channels of all three.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C).
    Output shape: (B, ceil(H / 2), ceil(W / 2), filters).

    Example:
        >>> CMTStem(16)(keras.ops.ones((1, 160, 160, 3))).shape
        (1, 80, 80, 16)
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.gelu  # by the error function
        self.filters = filters
        common = dict(dtype=self.dtype_policy)
        self.pad = layers.ZeroPadding2D(1, name="pad", **common)
        self.convs = [
            layers.Conv2D(
                filters,
                3,
                strides=1 if index else 2,
                padding="same" if index else "valid",
                kernel_initializer=initializers.conv_kernel(),
                name=f"conv{index + 1}",
                **common,
            )
            for index in range(3)
        ]
        self.norms = [
            layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, name=f"bn{index + 1}", **common
            )
            for index in range(3)
        ]

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        channels = input_shape[-1]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            # Sizes left open: Keras would count them without the padding.
            conv.build((input_shape[0], None, None, channels))
            channels = self.filters
            norm.build((input_shape[0], None, None, channels))
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the map at half the size."""
        x = self.pad(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.activation(conv(x))
            x = norm(x, training=training)
        return x

    def compute_output_shape(self, input_shape):
        """Return (B, ceil(H / 2), ceil(W / 2), filters)."""
        batch, *size, _ = input_shape
        return (batch, *(s and -(-s // 2) for s in size), self.filters)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"filters": self.filters}

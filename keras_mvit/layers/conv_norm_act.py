"""Convolution, batch normalization, activation."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable


@keras.saving.register_keras_serializable(package="keras_mvit")
class ConvNormAct(layers.Layer):
    """Convolution, batch normalization, activation.

    Padding is symmetric, `kernel_size // 2 * dilation_rate` zeros on each
    side, as in the reference implementations; Keras's "same" differs from it
    at stride 2. Batch normalization has momentum 0.9 (PyTorch's 0.1) and
    epsilon 1e-5.

    Args:
        filters: int or None. Output channels. None makes the convolution
            depthwise: as many outputs as inputs.
        kernel_size: int, odd. Side of the kernel. Defaults to 3.
        strides: int. Defaults to 1.
        dilation_rate: int. Defaults to 1; above 1 only with `strides=1`.
        activation: str, callable or None. Defaults to "silu".
        use_bias: bool. Of the convolution. Defaults to False; only CMT has
            biases before a normalization.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: (B, ceil(H / strides), ceil(W / strides), filters).

    Raises:
        ValueError: `kernel_size` is even, or dilation and stride meet.

    Example:
        >>> layer = ConvNormAct(16, strides=2)
        >>> layer(keras.ops.ones((1, 64, 64, 3))).shape
        (1, 32, 32, 16)
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        dilation_rate=1,
        activation="silu",
        use_bias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"`kernel_size` must be odd. Received: {kernel_size}"
            )
        if strides > 1 and dilation_rate > 1:
            raise ValueError(
                "A convolution is strided or dilated, not both. Received: "
                f"strides={strides}, dilation_rate={dilation_rate}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias

        common = dict(
            kernel_size=kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            # At stride 1 and an odd kernel, "same" is symmetric and spares
            # the padding its own operation.
            padding="same" if strides == 1 else "valid",
            use_bias=use_bias,
            dtype=self.dtype_policy,
            name="conv",
        )
        if filters is None:
            self.conv = layers.DepthwiseConv2D(
                depthwise_initializer=initializers.depthwise_kernel(), **common
            )
        else:
            self.conv = layers.Conv2D(
                filters,
                kernel_initializer=initializers.conv_kernel(),
                **common,
            )
        self.pad = None
        if strides > 1 and kernel_size > 1:
            self.pad = layers.ZeroPadding2D(
                kernel_size // 2, dtype=self.dtype_policy, name="pad"
            )
        self.bn = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name="bn"
        )

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        # Sizes left open: Keras would count them without the padding.
        self.conv.build((input_shape[0], None, None, input_shape[-1]))
        self.bn.build(self.compute_output_shape(input_shape))
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the activated map."""
        if self.pad is not None:
            x = self.pad(x)
        x = self.bn(self.conv(x), training=training)
        return self.activation(x)

    def compute_output_shape(self, input_shape):
        """Return (B, ceil(H / strides), ceil(W / strides), filters)."""
        batch, *size, channels = input_shape
        size = [s and -(-s // self.strides) for s in size]
        return (batch, *size, self.filters or channels)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }

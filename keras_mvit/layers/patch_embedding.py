"""Down-sampling between the stages of CMT."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable


@keras.saving.register_keras_serializable(package="keras_mvit")
class PatchEmbedding(layers.Layer):
    """A 2x2 convolution of stride 2 and a LayerNorm over the channels.

    Guo et al., "CMT", CVPR 2022, section 3.1,
    https://arxiv.org/abs/2107.06263. An odd last row or column is left out.

    Args:
        filters: int. Output channels.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C).
    Output shape: (B, floor(H / 2), floor(W / 2), filters).

    Example:
        >>> PatchEmbedding(46)(keras.ops.ones((1, 80, 80, 16))).shape
        (1, 40, 40, 46)
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.proj = layers.Conv2D(
            filters,
            2,
            strides=2,
            kernel_initializer=initializers.conv_kernel(),
            dtype=self.dtype_policy,
            name="proj",
        )
        self.norm = layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        self.proj.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))
        self.built = True
        pass_on_trainable(self)

    def call(self, x):
        """Return the map at half the size."""
        return self.norm(self.proj(x))

    def compute_output_shape(self, input_shape):
        """Return (B, floor(H / 2), floor(W / 2), filters)."""
        batch, *size, _ = input_shape
        return (batch, *(s and s // 2 for s in size), self.filters)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"filters": self.filters}

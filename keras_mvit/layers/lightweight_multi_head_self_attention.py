"""The attention of CMT."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.scored import check_scored
from keras_mvit.layers.softmax_attention import (
    SoftmaxAttention,
    attention_weights,
)


@keras.saving.register_keras_serializable(package="keras_mvit")
class LightweightMultiHeadSelfAttention(SoftmaxAttention):
    """Multi-head attention over keys and values of a reduced map.

    Guo et al., "CMT", CVPR 2022, section 3.2, equations 2 and 3,
    https://arxiv.org/abs/2107.06263. A depthwise convolution whose kernel is
    its stride reduces the map, followed by batch normalization as in the
    authors' code; at `sr_ratio=1` there is neither.

    Args:
        num_heads: int. Divides the channels.
        sr_ratio: int. By which the map is reduced on each axis. Defaults to 1.
        attention_dropout_rate: float. Dropout of the attention weights.
            Defaults to 0.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: a map (B, H, W, C), and if wanted a bias of the scores
        (num_heads, H W, (H // sr_ratio) (W // sr_ratio)).
    Output shape: as the map.

    Raises:
        ValueError: C is not a multiple of `num_heads`.

    Example:
        >>> layer = LightweightMultiHeadSelfAttention(num_heads=2, sr_ratio=4)
        >>> layer(keras.ops.ones((1, 20, 20, 92))).shape
        (1, 20, 20, 92)
    """

    def __init__(
        self, num_heads, sr_ratio=1, attention_dropout_rate=0.0, **kwargs
    ):
        super().__init__(num_heads, attention_dropout_rate, **kwargs)
        self.sr_ratio = sr_ratio
        common = dict(dtype=self.dtype_policy)
        if sr_ratio > 1:
            self.reduction = layers.DepthwiseConv2D(
                sr_ratio,
                strides=sr_ratio,
                depthwise_initializer=initializers.depthwise_kernel(),
                name="reduction",
                **common,
            )
            self.bn = layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, name="bn", **common
            )

    def build(self, x_shape, bias_shape=None):
        """Create the weights for maps of `x_shape`."""
        channels = x_shape[-1]
        if channels % self.num_heads:
            raise ValueError(
                f"hidden_dim={channels} must be a multiple of "
                f"num_heads={self.num_heads}."
            )
        self.head_dim = channels // self.num_heads

        def projection(name):
            layer = layers.Dense(
                channels,
                kernel_initializer=initializers.linear_kernel(),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build(x_shape)
            return layer

        self.query = projection("query")
        self.key = projection("key")
        self.value = projection("value")
        self.proj = projection("proj")
        if self.sr_ratio > 1:
            self.reduction.build(x_shape)
            self.bn.build((x_shape[0], None, None, channels))
        self.built = True
        pass_on_trainable(self)

    def call(self, x, bias=None, training=None):
        """Return the map mixed by attention."""
        mixed = self.mix(*self._project(x, training), bias, training=training)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))  # (B, N, h, d)
        # The batch by -1: of symbolic tensors its size is not known.
        return self.proj(ops.reshape(mixed, (-1, *ops.shape(x)[1:])))

    def context_scores(self, x, bias=None):
        """Return the attention each key receives, mean of heads and queries.

        Args:
            x: tensor, as for the call.
            bias: tensor or None, as for the call.

        Returns:
            Tensor (B, H // sr_ratio, W // sr_ratio, 1); sums to 1 over a map.

        Raises:
            ValueError: the layer is not built.
        """
        check_scored(self)
        query, key, _ = self._project(x)
        weights = attention_weights(query, key, bias)  # (B, h, N, K)
        size = [s // self.sr_ratio for s in ops.shape(x)[1:3]]
        return ops.reshape(ops.mean(weights, axis=(1, 2)), (-1, *size, 1))

    def _project(self, x, training=None):
        """Return scaled queries (B, h, N, d), keys and values (B, h, K, d)."""
        reduced = x
        if self.sr_ratio > 1:
            reduced = self.bn(self.reduction(x), training=training)
        query = self._heads(self.query(x)) * self.head_dim**-0.5
        key = self._heads(self.key(reduced))
        return query, key, self._heads(self.value(reduced))

    def _heads(self, x):
        """(B, H, W, C) -> (B, h, H W, d)."""
        _, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (-1, height * width, self.num_heads, self.head_dim))
        return ops.transpose(x, (0, 2, 1, 3))

    def compute_output_shape(self, x_shape, bias_shape=None):
        """Return `x_shape`."""
        return x_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"sr_ratio": self.sr_ratio}

"""The attention of CMT."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers


@keras.saving.register_keras_serializable(package="keras_mvit")
class LightweightMultiHeadSelfAttention(layers.Layer):
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
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio
        self.attention_dropout_rate = attention_dropout_rate
        common = dict(dtype=self.dtype_policy)
        self.dropout = layers.Dropout(
            attention_dropout_rate, name="dropout", **common
        )
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

    def call(self, x, bias=None, training=None):
        """Return the map mixed by attention."""
        weights, value = self._attend(x, bias, training)
        weights = self.dropout(weights, training=training)
        mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return self.proj(ops.reshape(mixed, ops.shape(x)))

    def context_scores(self, x, bias=None):
        """Return the attention each key receives, mean of heads and queries.

        Args:
            x: tensor, as for the call.
            bias: tensor or None, as for the call.

        Returns:
            Tensor (B, H // sr_ratio, W // sr_ratio, 1); sums to 1 over a map.
        """
        weights, _ = self._attend(x, bias)  # (B, h, N, K)
        size = [s // self.sr_ratio for s in ops.shape(x)[1:3]]
        return ops.reshape(ops.mean(weights, axis=(1, 2)), (-1, *size, 1))

    def _attend(self, x, bias, training=None):
        """Return weights (B, h, N, K) and values (B, h, K, d)."""
        reduced = x
        if self.sr_ratio > 1:
            reduced = self.bn(self.reduction(x), training=training)
        query = self._heads(self.query(x)) * self.head_dim**-0.5  # (B, h, N, d)
        key = self._heads(self.key(reduced))  # (B, h, K, d)
        value = self._heads(self.value(reduced))

        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        if bias is not None:
            scores = scores + ops.expand_dims(bias, 0)  # (B, h, N, K)
        if scores.shape[-1] == 1:  # a lone key has all of the attention
            weights = ops.ones_like(scores)
        else:
            # In float32 also under mixed precision: exponentials need it.
            weights = ops.softmax(ops.cast(scores, "float32"))
            weights = ops.cast(weights, self.compute_dtype)
        return weights, value

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
        return super().get_config() | {
            "num_heads": self.num_heads,
            "sr_ratio": self.sr_ratio,
            "attention_dropout_rate": self.attention_dropout_rate,
        }

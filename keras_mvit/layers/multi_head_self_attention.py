"""Self-attention in several heads."""

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
class MultiHeadSelfAttention(SoftmaxAttention):
    """Every token attends to every token of its sequence.

    Vaswani et al., "Attention Is All You Need", 2017, section 3.2,
    https://arxiv.org/abs/1706.03762, with one projection for queries, keys
    and values, in this order, as in MobileViT.

    Args:
        num_heads: int. Divides the channels.
        attention_dropout_rate: float. Dropout of the attention weights.
            Defaults to 0.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, N, C), or (B, P, N, C) for P independent sequences a
        sample; N and P may be unknown.
    Output shape: as the input.

    Raises:
        ValueError: C is not a multiple of `num_heads`.

    Example:
        >>> layer = MultiHeadSelfAttention(num_heads=4)
        >>> layer(keras.ops.ones((1, 4, 64, 144))).shape
        (1, 4, 64, 144)
    """

    def __init__(self, num_heads, attention_dropout_rate=0.0, **kwargs):
        super().__init__(num_heads, attention_dropout_rate, **kwargs)

    def build(self, input_shape):
        """Create the weights for tokens of `input_shape[-1]` channels."""
        hidden_dim = input_shape[-1]
        if hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim={hidden_dim} must be a multiple of "
                f"num_heads={self.num_heads}."
            )
        self.head_dim = hidden_dim // self.num_heads
        self.qkv = layers.Dense(
            3 * hidden_dim,
            kernel_initializer=initializers.linear_kernel(),
            dtype=self.dtype_policy,
            name="qkv",
        )
        self.proj = layers.Dense(
            hidden_dim,
            kernel_initializer=initializers.linear_kernel(),
            dtype=self.dtype_policy,
            name="proj",
        )
        self.qkv.build(input_shape)
        self.proj.build(input_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the tokens mixed by attention."""
        mixed = self.mix(*self._project(x, training), training=training)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))  # (B P, N, h, d)
        # The batch by -1: of symbolic tensors its size is not known.
        mixed = ops.reshape(mixed, (-1, *ops.shape(x)[1:]))  # (B, P, N, h d)
        return self.proj(mixed)

    def context_scores(self, x):
        """Return the attention each token receives, mean of heads and queries.

        Args:
            x: tensor, as for the call.

        Returns:
            Tensor of x's shape with one channel; sums to 1 over a sequence.

        Raises:
            ValueError: the layer is not built.
        """
        check_scored(self)
        query, key, _ = self._project(x)
        weights = attention_weights(query, key)  # (B P, h, N, N)
        return ops.reshape(
            ops.mean(weights, axis=(1, 2)), (*ops.shape(x)[:-1], 1)
        )

    def _project(self, x, training=None):
        """Return queries, scaled, keys and values (B P, h, N, d)."""
        tokens, heads = ops.shape(x)[-2], self.num_heads
        qkv = self.qkv(x)  # (B, P, N, 3 h d)
        qkv = ops.reshape(qkv, (-1, tokens, 3 * heads, self.head_dim))
        qkv = ops.transpose(qkv, (0, 2, 1, 3))  # (B P, 3 h, N, d)
        if training:  # the gradient of a split is one copy, of slices six
            query, key, value = ops.split(qkv, 3, axis=1)
        else:  # a split leaves LiteRT's CPU delegate
            query = qkv[:, :heads]  # (B P, h, N, d)
            key = qkv[:, heads : 2 * heads]
            value = qkv[:, 2 * heads :]
        return query * self.head_dim**-0.5, key, value

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

"""Self-attention over a fixed number of summaries of the tokens."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.softmax_attention import SoftmaxAttention


@keras.saving.register_keras_serializable(package="keras_mvit")
class LinformerSelfAttention(SoftmaxAttention):
    """Multi-head attention whose keys and values are projected to few tokens.

    Wang et al., "Linformer: Self-Attention with Linear Complexity", 2020,
    section 4, https://arxiv.org/abs/2006.04768, with one projection of the
    tokens for keys and values and all heads: the variant the authors call
    key-value sharing, and the one table 1 of the MobileViTv2 paper compares
    with.

    Args:
        num_heads: int. Divides the channels.
        projected_tokens: int. Summaries of each sequence. Defaults to 256,
            as in the paper.
        attention_dropout_rate: float. Dropout of the attention weights.
            Defaults to 0.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, N, C) or (B, P, N, C), N known: it is the length of the
        learned projection.
    Output shape: as the input.

    Raises:
        ValueError: C is not a multiple of `num_heads`, or N is unknown.

    Example:
        >>> layer = LinformerSelfAttention(num_heads=4, projected_tokens=16)
        >>> layer(keras.ops.ones((1, 4, 64, 144))).shape
        (1, 4, 64, 144)
    """

    def __init__(
        self,
        num_heads,
        projected_tokens=256,
        attention_dropout_rate=0.0,
        **kwargs,
    ):
        super().__init__(num_heads, attention_dropout_rate, **kwargs)
        self.projected_tokens = projected_tokens

    def build(self, input_shape):
        """Create the weights for sequences of `input_shape`."""
        tokens, hidden_dim = input_shape[-2:]
        if hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim={hidden_dim} must be a multiple of "
                f"num_heads={self.num_heads}."
            )
        if tokens is None:
            raise ValueError(
                "Linformer projects a known number of tokens. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.head_dim = hidden_dim // self.num_heads
        common = dict(dtype=self.dtype_policy)
        self.qkv = layers.Dense(
            3 * hidden_dim,
            kernel_initializer=initializers.linear_kernel(),
            name="qkv",
            **common,
        )
        self.proj = layers.Dense(
            hidden_dim,
            kernel_initializer=initializers.linear_kernel(),
            name="proj",
            **common,
        )
        self.qkv.build(input_shape)
        self.proj.build(input_shape)
        self.token_projection = self.add_weight(
            name="token_projection",
            shape=(self.projected_tokens, tokens),
            initializer=keras.initializers.RandomNormal(stddev=tokens**-0.5),
        )
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the tokens mixed by attention."""
        shape = ops.shape(x)
        tokens, heads = shape[-2], self.num_heads
        qkv = self.qkv(x)  # (B, P, N, 3 h d)
        qkv = ops.reshape(qkv, (-1, tokens, 3 * heads, self.head_dim))
        qkv = ops.transpose(qkv, (0, 2, 1, 3))  # (B P, 3 h, N, d)
        query = qkv[:, :heads] * self.head_dim**-0.5
        # (k, N) @ (B P, 2 h, N, d)
        projection = ops.cast(self.token_projection, self.compute_dtype)
        summaries = ops.matmul(projection, qkv[:, heads:])  # (B P, 2 h, k, d)
        key, value = summaries[:, :heads], summaries[:, heads:]

        x = self.mix(query, key, value, training=training)  # (B P, h, N, d)
        x = ops.transpose(x, (0, 2, 1, 3))  # (B P, N, h, d)
        return self.proj(ops.reshape(x, shape))

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "projected_tokens": self.projected_tokens
        }

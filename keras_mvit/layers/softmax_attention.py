"""What the layers of softmax attention share."""

from keras import layers, ops

from keras_mvit.layers.precision import at_least_float32


class SoftmaxAttention(layers.Layer):
    """Base of layers whose queries attend to keys, in several heads.

    Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1,
    https://arxiv.org/abs/1706.03762.

    Args:
        num_heads: int. Divides the channels.
        attention_dropout_rate: float. Dropout of the attention weights.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.
    """

    def __init__(self, num_heads, attention_dropout_rate, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.attention_dropout_rate = attention_dropout_rate
        self.dropout = layers.Dropout(
            attention_dropout_rate, dtype=self.dtype_policy, name="dropout"
        )

    def mix(self, query, key, value, bias=None, training=None):
        """Return each query's mean of the values, weighted by attention.

        Args:
            query: tensor (B, h, N, d), scaled already.
            key: tensor (B, h, K, d).
            value: tensor (B, h, K, d).
            bias: tensor (h, N, K) or None. Added before the softmax.
            training: bool or None. Whether to drop weights.

        Returns:
            Tensor (B, h, N, d).
        """
        weights = attention_weights(query, key, bias)
        return ops.matmul(self.dropout(weights, training=training), value)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "num_heads": self.num_heads,
            "attention_dropout_rate": self.attention_dropout_rate,
        }


def attention_weights(query, key, bias=None):
    """Return how much each query attends to each key.

    Args:
        query: tensor (B, h, N, d), scaled already.
        key: tensor (B, h, K, d).
        bias: tensor (h, N, K) or None. Added before the softmax.

    Returns:
        Tensor (B, h, N, K); sums to 1 over the keys.
    """
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    if bias is not None:
        scores = scores + ops.expand_dims(bias, 0)
    if scores.shape[-1] == 1:  # a lone key has all of the attention
        return ops.ones_like(scores)
    # In float32 also under mixed precision: exponentials need it.
    weights = ops.softmax(at_least_float32(scores))
    return ops.cast(weights, query.dtype)

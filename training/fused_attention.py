"""Softmax attention whose gradient reads its largest tensors once.

The gradient of a softmax needs, for each query, the mean of the gradients of
its weights, weighted by them; that of values' mean gives it as a product of
short vectors (Dao et al., "FlashAttention", 2022, appendix B.2,
https://arxiv.org/abs/2205.14135), and a product of matrices subtracts it.
"""

import tensorflow as tf

from keras_mvit import layers

_MAX_SCORES = 65536  # of float32, in 64 pages: those a core has at hand


def attend(query, key, value, bias=None):
    """Returns the mean of the values, weighted by attention.

    Args:
        query: float32 tensor (B, h, N, d), scaled.
        key: float32 tensor (B, h, K, d).
        value: float32 tensor (B, h, K, d).
        bias: float32 tensor (h, N, K) or None. Added before the softmax.

    Returns:
        float32 tensor (B, h, N, d).
    """
    biases = () if bias is None else (bias,)
    return _attend(query, key, value, *biases)


@tf.custom_gradient
def _attend(query, key, value, *biases):
    pieces = _pieces(tf.shape(query)[2], tf.shape(key)[2])
    scores = _product(query, key, pieces)
    for bias in biases:
        scores += bias
    weights = tf.nn.softmax(scores)
    mixed = tf.matmul(weights, value)

    def gradient(upstream):
        mean = tf.reduce_sum(upstream * mixed, axis=-1, keepdims=True)
        # upstream @ value^T - mean, as one product
        left = tf.concat([upstream, -mean], axis=-1)
        right = tf.concat([value, tf.ones_like(value[..., :1])], axis=-1)
        of_scores = weights * _product(left, right, pieces)
        return (
            tf.matmul(of_scores, key),
            _transposed_product(of_scores, query),
            _transposed_product(weights, upstream),
            *(tf.reduce_sum(of_scores, axis=0) for _ in biases),
        )

    return mixed, gradient


def _pieces(queries, keys):
    """The least number that divides queries and leaves few scores a piece."""
    counts = tf.range(1, 17)
    suits = (queries % counts == 0) & (queries * keys <= counts * _MAX_SCORES)
    return counts[tf.argmax(tf.cast(suits, tf.int32))]  # 1 where none does


def _product(query, key, pieces):
    """`query` `key`^T, piece by piece: 0.8 of the time of 400 x 400 scores."""
    batch, heads, queries, width = tf.unstack(tf.shape(query))
    keys = tf.shape(key)[2]
    product = tf.matmul(
        tf.reshape(query, [batch * heads, pieces, -1, width]),
        tf.reshape(key, [batch * heads, 1, keys, width]),
        transpose_b=True,
    )
    return tf.ensure_shape(
        tf.reshape(product, [batch, heads, queries, keys]),
        (*query.shape[:-1], key.shape[2]),
    )


def _transposed_product(large, small):
    """`large`^T `small`: two thirds of the time by way of its transpose."""
    product = tf.matmul(small, large, transpose_a=True)
    return tf.linalg.matrix_transpose(product)


class _Fused:
    """Overrides `SoftmaxAttention.mix` where nothing is dropped."""

    def mix(self, query, key, value, bias=None, training=None):
        drops = training and self.attention_dropout_rate
        if not training or drops or query.dtype != "float32":
            return super().mix(query, key, value, bias, training=training)
        return attend(query, key, value, bias)


class FusedMultiHeadSelfAttention(_Fused, layers.MultiHeadSelfAttention):
    """`MultiHeadSelfAttention` that trains by `attend`."""


class FusedLightweightMultiHeadSelfAttention(
    _Fused, layers.LightweightMultiHeadSelfAttention
):
    """`LightweightMultiHeadSelfAttention` that trains by `attend`."""

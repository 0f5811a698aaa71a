"""LayerNorm whose gradient is one function of few passes.

The gradient that TensorFlow derives goes through mean and variance, each with
tensors of its own; Ba et al., "Layer Normalization", 2016,
https://arxiv.org/abs/1607.06450. It is computed here from the input again,
which costs less than to keep the normalized tokens.
"""

import keras
import tensorflow as tf

from keras_mvit.training.compiled import either


def make_layer_norm(batch_sizes=()):
    """Return a class that layers can become.

    Args:
        batch_sizes: tuple of int. What XLA compiles it for.

    Returns:
        Subclass of `keras.layers.LayerNormalization`, of the same config.
    """

    class FusedLayerNormalization(keras.layers.LayerNormalization):
        """`LayerNormalization` that trains by `normalize`."""

        def call(self, inputs):
            """Return the normalized tokens."""
            if not _is_usual(self, inputs):
                return super().call(inputs)
            return normalize(
                inputs, self.gamma, self.beta, self.epsilon, batch_sizes
            )

    return FusedLayerNormalization


def _is_usual(layer, inputs):
    """Whether it scales and centers the last axis, in float32."""
    return (
        layer.axis in ([-1], [inputs.shape.rank - 1])
        and layer.gamma is not None
        and layer.beta is not None
        and inputs.dtype == layer.compute_dtype == "float32"
    )


def normalize(x, gamma, beta, epsilon, batch_sizes=()):
    """Return tokens of mean 0 and variance 1, scaled and shifted.

    Args:
        x: float32 tensor (B, ..., C).
        gamma: float32 tensor (C,).
        beta: float32 tensor (C,).
        epsilon: float. Added to the variance.
        batch_sizes: tuple of int. What XLA compiles it for.

    Returns:
        float32 tensor of the shape of `x`.
    """
    epsilon = tf.constant(epsilon, tf.float32)

    @tf.custom_gradient
    def fused(x, gamma, beta):
        shape = tf.shape(x)
        tokens = tf.reshape(x, [-1, x.shape[-1]])

        def run(function, *tensors):
            return either(function, batch_sizes, shape[0], tokens, *tensors)

        def gradient(upstream):
            upstream = tf.reshape(upstream, tf.shape(tokens))
            of_x, of_gammas = run(_gradient, gamma, upstream, epsilon)
            of_gamma, of_beta = map(sum_of_tokens, (of_gammas, upstream))
            return tf.reshape(of_x, shape), of_gamma[0], of_beta[0]

        return tf.reshape(run(_scaled, gamma, beta, epsilon), shape), gradient

    return tf.ensure_shape(
        fused(x, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)),
        x.shape,
    )


def sum_of_tokens(x):
    """Return sums by a product of matrices, in half of `reduce_sum`'s time.

    Args:
        x: tensor (..., N, C).

    Returns:
        Tensor (..., 1, C).
    """
    return tf.matmul(tf.ones_like(x[..., :1]), x, transpose_a=True)


def _scaled(x, gamma, beta, epsilon):
    normalized, _ = _normalized(x, epsilon)
    return normalized * gamma + beta


def _gradient(x, gamma, upstream, epsilon):
    normalized, scale = _normalized(x, epsilon)
    of_normalized = upstream * gamma
    of_x = scale * (
        of_normalized
        - _mean(of_normalized)
        - normalized * _mean(of_normalized * normalized)
    )
    return of_x, upstream * normalized


def _normalized(x, epsilon):
    centred = x - _mean(x)
    scale = tf.math.rsqrt(_mean(centred * centred) + epsilon)
    return centred * scale, scale


def _mean(x):
    return tf.reduce_mean(x, axis=-1, keepdims=True)

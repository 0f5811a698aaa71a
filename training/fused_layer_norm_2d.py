"""Normalization over a whole map whose gradient makes few passes.

What TensorFlow derives from mean and variance makes about twelve. Here sums are
of products of matrices, and all that is between them is compiled together.
"""

import tensorflow as tf

from keras_mvit import layers
from keras_mvit.training.compiled import either
from keras_mvit.training.fused_layer_norm import sum_of_tokens


def make_layer_norm_2d(batch_sizes=()):
    """Return a class that layers can become.

    Args:
        batch_sizes: tuple of int. What XLA compiles it for.

    Returns:
        Subclass of `keras_mvit.layers.LayerNorm2D`, of the same config.
    """

    class FusedLayerNorm2D(layers.LayerNorm2D):
        """`LayerNorm2D` that trains by `normalize_map`."""

        def call(self, x):
            """Return the normalized map."""
            if x.dtype != "float32":
                return super().call(x)
            return normalize_map(
                x, self.gamma, self.beta, self.epsilon, batch_sizes
            )

    return FusedLayerNorm2D


def normalize_map(x, gamma, beta, epsilon, batch_sizes=()):
    """Return maps of mean 0 and variance 1 each, scaled and shifted.

    Args:
        x: float32 tensor (B, H, W, C).
        gamma: float32 tensor (C,).
        beta: float32 tensor (C,).
        epsilon: float. Added to the variance.
        batch_sizes: tuple of int. What XLA compiles it for.

    Returns:
        float32 tensor of the shape of `x`.
    """

    @tf.custom_gradient
    def fused(x, gamma, beta):
        shape = tf.shape(x)
        maps = tf.reshape(x, [shape[0], -1, x.shape[-1]])  # (B, H W, C)
        mean = _mean(maps)
        scale = tf.math.rsqrt(_mean(tf.square(maps - mean)) + epsilon)

        def run(function, *tensors):
            return either(
                function, batch_sizes, shape[0], maps, mean, scale, *tensors
            )

        def gradient(upstream):
            upstream = tf.reshape(upstream, tf.shape(maps))
            of_gammas = sum_of_tokens(run(_products, upstream))  # (B, 1, C)
            of_betas = sum_of_tokens(upstream)
            count = tf.cast(tf.size(maps[0]), tf.float32)
            of_x = run(
                _gradient,
                upstream,
                gamma,
                tf.reduce_sum(of_gammas * gamma, -1, keepdims=True) / count,
                tf.reduce_sum(of_betas * gamma, -1, keepdims=True) / count,
            )
            return (
                tf.reshape(of_x, shape),
                tf.reduce_sum(of_gammas, axis=(0, 1)),
                tf.reduce_sum(of_betas, axis=(0, 1)),
            )

        return tf.reshape(run(_scaled, gamma, beta), shape), gradient

    return tf.ensure_shape(
        fused(x, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)),
        x.shape,
    )


def _scaled(x, mean, scale, gamma, beta):
    return (x - mean) * scale * gamma + beta


def _products(x, mean, scale, upstream):
    return (x - mean) * scale * upstream


def _gradient(x, mean, scale, upstream, gamma, mean_product, mean_upstream):
    normalized = (x - mean) * scale
    return scale * (
        upstream * gamma - mean_upstream - normalized * mean_product
    )


def _mean(maps):
    return tf.reduce_mean(maps, axis=(1, 2), keepdims=True)

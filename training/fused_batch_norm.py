"""TensorFlow's fused batch normalization in a model's training step.

Keras normalizes a batch by eight operations, each of which reads and writes a
whole map; on a CPU that is a quarter of a step.

The kernel takes up to six times as long where channels are no multiple of a
vector's length, as in CMT. There pixels that lie side by side count as channels
of one, and what is of the pixels together is put together from short vectors.
"""

import math

import keras
import tensorflow as tf

_VECTOR = 16  # float32 numbers, of the longest registers


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch statistics, normalization and both gradients in one pass each."""

    def call(self, inputs, training=None, mask=None):
        """Return the normalized maps, and move the averages in training."""
        if not (training and self.trainable) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = normalize(
            inputs, self.gamma, self.beta, self.epsilon
        )
        for average, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            average.assign(
                average * self.momentum + value * (1 - self.momentum)
            )
        return outputs


def normalize(x, gamma, beta, epsilon):
    """Return channels of mean 0 and variance 1, scaled and shifted.

    Args:
        x: tensor (B, H, W, C), float32 or half as long.
        gamma: float32 tensor (C,).
        beta: float32 tensor (C,).
        epsilon: float. Added to the variance.

    Returns:
        tuple: the tensor as `x`, and the float32 mean and biased variance
        (C,) of `x`, for which there is no gradient.
    """
    channels = x.shape[-1]
    pixels = tf.size(x) // channels
    together = _VECTOR // math.gcd(_VECTOR, channels)
    if together == 1 or tf.config.list_logical_devices("GPU"):
        y, mean, variance = _kernel(x, gamma, beta, pixels, epsilon)
        return y, tf.stop_gradient(mean), tf.stop_gradient(variance)
    # No more than the largest power of two that divides their number.
    together = tf.minimum(together, tf.bitwise.bitwise_and(pixels, -pixels))

    def joined(maps):
        return tf.reshape(maps, [1, -1, 1, together * channels])

    def each(vector):
        return tf.tile(vector, [together])

    def per_channel(vectors):
        return tf.reshape(vectors, [together, channels])

    @tf.custom_gradient
    def fused(x, gamma, beta):
        _, means, variances = _kernel(
            joined(x), each(gamma), each(beta), pixels // together, epsilon
        )
        means = per_channel(means)
        mean = tf.reduce_mean(means, axis=0)
        variance = tf.reduce_mean(
            per_channel(variances) + tf.square(means - mean), axis=0
        )
        statistics = {"mean": each(mean), "variance": each(variance)}

        def normalized(scale, offset):
            y, *_ = tf.raw_ops.FusedBatchNormV3(
                x=joined(x),
                scale=each(scale),
                offset=each(offset),
                epsilon=epsilon,
                is_training=False,
                **statistics,
            )
            return tf.reshape(y, tf.shape(x))

        def gradient(upstream, *_):
            # As if the statistics were given; what they add is linear in x.
            of_x, of_gammas, of_betas, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=joined(upstream),
                x=joined(x),
                scale=each(gamma),
                reserve_space_1=statistics["mean"],
                reserve_space_2=statistics["variance"],
                reserve_space_3=[],
                epsilon=epsilon,
                is_training=False,
            )
            of_gamma = tf.reduce_sum(per_channel(of_gammas), axis=0)
            of_beta = tf.reduce_sum(per_channel(of_betas), axis=0)
            share = gamma * tf.math.rsqrt(variance + epsilon)
            share /= tf.cast(pixels, tf.float32)
            of_x = tf.reshape(of_x, tf.shape(x))
            of_x += normalized(-share * of_gamma, -share * of_beta)
            return of_x, of_gamma, of_beta

        return (normalized(gamma, beta), mean, variance), gradient

    y, mean, variance = fused(
        x, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)
    )
    return tf.ensure_shape(y, x.shape), mean, variance


def _kernel(x, gamma, beta, count, epsilon):
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=gamma,
        offset=beta,
        mean=[],
        variance=[],
        epsilon=epsilon,
        is_training=True,
    )
    # The kernel's variance is the unbiased one, Keras's is not.
    count = tf.cast(count, tf.float32)
    return y, mean, variance * ((count - 1) / count)

"""TensorFlow's fused kernels in a model's training step.

Keras normalizes a batch by eight operations and differentiates SiLU by six;
each reads and writes a whole map, and on a CPU that is most of a step.
"""

import keras
import tensorflow as tf


def use_fused_kernels(model):
    """Lets a model train by fused kernels where the backend has them.

    The model stays what it was: same weights, same mathematics, same config;
    evaluated or saved it is as before. Without TensorFlow nothing happens.

    Args:
        model: `keras.Model`, not yet traced.
    """
    if keras.backend.backend() != "tensorflow":
        return
    # GPUs have SiLU's gradient in one kernel without XLA.
    on_cpu = not tf.config.list_physical_devices("GPU")
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.BatchNormalization:
            layer.__class__ = _FusedBatchNormalization
        activation = getattr(layer, "activation", None)
        if on_cpu and activation is keras.activations.silu:
            layer.activation = silu


class _FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch statistics, normalization and both gradients in one pass each."""

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel's variance is the unbiased one, Keras's is not.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        variance *= (count - 1) / count
        for average, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            average.assign(
                average * self.momentum + value * (1 - self.momentum)
            )
        return outputs


def silu(x):
    """SiLU whose value and gradient XLA compiles, on a CPU, to one loop each.

    Compiling whole steps would cost more than it gains: XLA's convolutions on
    CPUs are several times slower than TensorFlow's.

    Args:
        x: tensor.

    Returns:
        Tensor, `x * sigmoid(x)`.
    """
    y = _silu(tf.reshape(x, [-1]))  # any shape is compiled for its length
    return tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)


@tf.custom_gradient
def _silu(x):
    return _silu_value(x), lambda upstream: _silu_gradient(x, upstream)


@tf.function(jit_compile=True, reduce_retracing=True)
def _silu_value(x):
    return x * tf.sigmoid(x)


@tf.function(jit_compile=True, reduce_retracing=True)
def _silu_gradient(x, upstream):
    share = tf.sigmoid(x)
    return upstream * share * (1 + x * (1 - share))

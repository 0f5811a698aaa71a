"""LiteRT files with one thing wrong each."""

import tensorflow as tf

from keras_mvit.quiet import quiet


def convert_function(function, shape=(1, 8, 8, 3), select_tf_ops=False):
    """Converts a TensorFlow function of one float32 tensor."""
    spec = tf.TensorSpec(shape, tf.float32, name="image")
    concrete = tf.function(function, [spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if select_tf_ops:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
    with quiet():
        return converter.convert()


def pooled(image):
    """The mean of an image: (1, 8, 8, 3) -> (1, 3)."""
    return tf.reduce_mean(image, axis=[1, 2])


def with_flex_op():
    """A file with an op that only TensorFlow has."""
    return convert_function(
        lambda image: tf.math.erf(pooled(image)), select_tf_ops=True
    )

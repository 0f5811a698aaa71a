"""LiteRT files with one thing wrong each."""

import tensorflow as tf

from keras_mvit.quiet import quiet


def convert_function(
    function, shape=(1, 8, 8, 3), select_tf_ops=False, **options
):
    """Converts a TensorFlow function of one float32 tensor.

    `options` are attributes of the converter.
    """
    spec = tf.TensorSpec(shape, tf.float32, name="image")
    concrete = tf.function(function, [spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if select_tf_ops:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
    for name, value in options.items():
        setattr(converter, name, value)
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


def with_custom_op():
    """A file with an op that an app would have to bring."""
    return convert_function(
        lambda image: tf.math.erf(pooled(image)), allow_custom_ops=True
    )


def with_rank_5():
    """A file that transposes five axes."""

    def swap(image):
        x = tf.reshape(image, (1, 4, 2, 8, 3))
        return tf.reshape(tf.transpose(x, (0, 2, 1, 3, 4)), (1, 8, 8, 3))

    return convert_function(swap)


def with_folded_batch():
    """A file that works on the quarters of an image as on four images."""

    def fold(image):
        x = tf.nn.softmax(tf.reshape(image, (4, 2, 8, 3)))
        return tf.reshape(x, (1, 8, 8, 3))

    return convert_function(fold)


def with_int8_softmax():
    """A file of an int8 op alone."""
    return convert_function(
        tf.nn.softmax,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: [[tf.random.normal((1, 8, 8, 3))]],
        inference_input_type=tf.int8,
        inference_output_type=tf.int8,
    )


def with_second_signature(function, folder):
    """A file whose first signature is a ReLU, and whose second is `function`.

    Args:
        function: callable of a float32 tensor (1, 8, 8, 3).
        folder: str. For a model of TensorFlow's.
    """
    spec = tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")
    module = tf.Module()
    module.first = tf.function(tf.nn.relu, [spec])
    module.second = tf.function(function, [spec])
    signatures = {
        name: getattr(module, name).get_concrete_function()
        for name in ("first", "second")
    }
    with quiet():
        tf.saved_model.save(module, str(folder), signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(folder), signature_keys=list(signatures)
        )
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
        return converter.convert()

"""A model that computes as its int8 file will, on the weights of the model."""

import keras
import tensorflow as tf

from keras_mvit.files import write_json
from keras_mvit.training.fake_quantize import FakeQuantize
from keras_mvit.training.rounding import round_within

_CALIBRATION_BATCHES = 8


def check_supported(distribution):
    """Checks that TFMOT's roundings and pruning can be used.

    Args:
        distribution: `Distribution`.

    Raises:
        ValueError: Keras runs on another backend than TensorFlow, or several
            devices train together.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow" or distribution.num_devices > 1:
        raise ValueError(
            "quantize_aware and sparsity need TensorFlow and one device, got "
            f"{backend} and {distribution.num_devices}"
        )


def quantize_aware(model, image_size):
    """Makes a model of the same weights that rounds where its int8 file does.

    Batch normalizations keep the statistics that they have.

    Args:
        model: functional `keras.Model` of images, in float32.
        image_size: int. Height and width, pixels; a file has one size.

    Returns:
        functional `keras.Model`, whose weights are those of `model` and the
        ranges, which are empty before `calibrate`.

    Raises:
        ValueError: there are layers of which it is not known how an int8 file
            computes them; names them.
    """
    unknown = []
    image = keras.Input((image_size, image_size, 3), name="image")
    x = FakeQuantize("image", name="image_range")(image)
    logits = round_within(model, [x], "", unknown)
    if unknown:
        raise ValueError(
            "Quantization-aware training cannot quantize the layers "
            + ", ".join(unknown)
        )
    return keras.Model(image, logits, name=f"{model.name}_quantize_aware")


def calibrate(model, batches):
    """Widens the ranges to all that the first images need.

    Args:
        model: `keras.Model`, from `quantize_aware`.
        batches: `tf.data.Dataset` of batches of images and labels.
    """
    quantizers = _quantizers(model)
    observe = tf.function(lambda images: model(images, training=False))
    try:
        for layer in quantizers:
            layer.calibrating = True
        for images, _ in batches.take(_CALIBRATION_BATCHES):
            observe(images)
    finally:
        for layer in quantizers:
            layer.calibrating = False


def write_ranges(path, model):
    """Writes `quantization.json`, which docs/work-directory.md describes.

    Args:
        path: str.
        model: `keras.Model`, from `quantize_aware`.
    """
    ranges = {layer.tensor_path: layer.range for layer in _quantizers(model)}
    write_json(path, {"ranges": ranges})


def _quantizers(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, FakeQuantize)
    ]

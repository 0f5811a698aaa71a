"""From a published checkpoint to a Keras file."""

import math

from keras_mvit.files import replacing


def convert(
    checkpoint,
    model,
    output,
    source="auto",
    num_classes=1000,
    image_size=None,
    flip_stem=False,
):
    """Write a `.keras` file with the weights of a published checkpoint.

    Args:
        checkpoint: str. File that `load_reference_weights` reads.
        model: str. Name of the variant.
        output: str. The `.keras` file; replaced whole or not at all.
        source: str. As of `load_reference_weights`. Defaults to "auto".
        num_classes: int. Of the checkpoint; 0 leaves its classifier out.
            Defaults to 1000.
        image_size: int or None. Side of the images, pixels. None leaves it
            open, or for CMT takes the published one.
        flip_stem: bool. As of `load_reference_weights`. Defaults to False.

    Returns:
        keras.Model, as written.

    Raises:
        ValueError: `output` is no `.keras` file, the checkpoint does not fit
            exactly, or what it gives is not finite.
    """
    check_output(output)
    import keras_mvit

    variant = keras_mvit.get_variant(model)
    size = variant.preprocessing.image_size
    if image_size is not None:
        size = (image_size, image_size)
    is_open = image_size is None and variant.any_size
    input_shape = (None, None, 3) if is_open else (*size, 3)
    converted = keras_mvit.create_model(variant, num_classes, input_shape)
    keras_mvit.load_reference_weights(
        converted, checkpoint, source=source, flip_stem=flip_stem
    )
    _check_parameters(converted, variant, num_classes, size)
    _check_forward_pass(converted, size)
    with replacing(output) as partial:
        converted.save(partial)
    return converted


def check_output(path):
    """Raise a ValueError unless `path` is one of a Keras file."""
    if not path.endswith(".keras"):
        raise ValueError(f"The output must end in .keras. Received: {path!r}")


def _check_parameters(model, variant, num_classes, size):
    # CMT's tables grow with the image; only the published size is published.
    if size != variant.preprocessing.image_size:
        return
    features = model.get_layer("pool").output.shape[-1]
    expected = variant.parameters - (1000 - num_classes) * (features + 1)
    found = parameters(model)
    if found != expected:
        raise ValueError(
            f"{variant.name} with {num_classes} classes has {expected:,} "
            f"parameters. Received: {found:,}"
        )


def _check_forward_pass(model, size):
    import keras
    import numpy as np

    noise = np.random.default_rng(0).random((1, *size, 3), "float32")
    answer = keras.ops.convert_to_numpy(model(noise))
    if not np.isfinite(answer).all():
        raise ValueError(
            f"{model.name} with these weights gives no finite answer to an "
            f"image of noise: {answer.ravel()[:3]} ..."
        )


def parameters(model):
    """Return the number of trainable weights of a model."""
    return sum(math.prod(w.shape) for w in model.trainable_weights)

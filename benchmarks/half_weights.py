"""Weights in half precision: a trained model small enough for a repository."""

import keras
import numpy as np

import keras_mvit
from keras_mvit.files import replacing


def save_half(model_path, path):
    """Write a `.keras` file's weights as float16.

    Args:
        model_path: str. Of a model of `create_model`.
        path: str. The `.npz` file to write.

    Raises:
        ValueError: a weight is out of float16's range.
    """
    model = keras.saving.load_model(model_path, compile=False)
    with np.errstate(over="ignore"):  # told below
        arrays = {v.path: np.float16(v) for v in model.weights}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is out of the range of float16")
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)


def load_half(path, variant, **kwargs):
    """Return a model with the weights of a file of `save_half`.

    Args:
        path: str. The `.npz` file.
        variant: str. One of `keras_mvit.list_models()`.
        **kwargs: of `create_model`.

    Returns:
        keras.Model, float32.

    Raises:
        ValueError: the file's weights are not those of the model.
    """
    with np.load(path) as file:
        arrays = dict(file)
    classes = arrays["classifier/bias"].size
    model = keras_mvit.create_model(variant, num_classes=classes, **kwargs)
    expected = {v.path: tuple(v.shape) for v in model.weights}
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        differing = sorted(expected.items() ^ found.items())
        raise ValueError(f"{path} does not fit {variant}: {differing[0]}")
    for variable in model.weights:
        variable.assign(np.float32(arrays[variable.path]))
    return model

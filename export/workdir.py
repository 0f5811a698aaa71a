"""Reads the work directory, all that training and export share.

Its files are described in docs/work-directory.md.
"""

import json
import math
import os

from keras_mvit.export import images
from keras_mvit.export.source import Source, read_labels

_WRITTEN_FIRST = ("config.json", "labels.txt", "preprocessing.json")
_IMAGES = ("calibration.npz", "test.npz")


def read_workdir(path):
    """Reads a trained work directory.

    Args:
        path: str. The work directory.

    Returns:
        Source.

    Raises:
        ValueError: it is missing, untrained, half-written or damaged, or its
            files do not belong together; the message names the file.
    """
    files = find_files(path)
    config = read_config(path)
    preprocessing = read_preprocessing(files["preprocessing.json"])
    labels = read_labels(files["labels.txt"])
    calibration, test = (
        images.read_npz(files[name], preprocessing.image_size)
        for name in _IMAGES
    )
    model = _read_model(files["model.keras"])
    if model.output_shape[-1] != len(labels):
        raise ValueError(
            f"{path} is not of one run: model.keras has"
            f" {model.output_shape[-1]} classes, labels.txt {len(labels)}"
        )
    return Source(
        name=config["model"],
        model=model,
        preprocessing=preprocessing,
        labels=labels,
        calibration=calibration,
        test=test,
        ranges=_read_ranges(os.path.join(path, "quantization.json")),
        origin={"workdir": os.path.abspath(path), "training": config},
    )


def read_config(path):
    """Reads `config.json` of a work directory, a dict with a `model`."""
    file = os.path.join(path, "config.json")
    config = _read_json(file)
    if not isinstance(config, dict) or not isinstance(config.get("model"), str):
        raise ValueError(f"{file} is damaged: it does not name a model")
    return config


def read_preprocessing(file):
    """Reads `preprocessing.json` into a `keras_mvit.models.Preprocessing`."""
    import dataclasses

    from keras_mvit.models import Preprocessing

    names = [field.name for field in dataclasses.fields(Preprocessing)]
    values = _read_json(file)
    try:
        values = {name: values[name] for name in names}
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is damaged: {error!r}. Expected {', '.join(names)}"
        ) from error
    for name, (is_one, expected) in _PREPROCESSING.items():
        if not is_one(values[name]):
            raise ValueError(
                f"{file} is damaged: {name} is {values[name]!r}; expected"
                f" {expected}"
            )
    size = tuple(values["image_size"])
    return Preprocessing(**{**values, "image_size": size})


def _are_numbers(value, count, kinds=(int, float)):
    return (
        isinstance(value, list)
        and [isinstance(one, kinds) for one in value] == [True] * count
        and all(map(math.isfinite, value))
    )


# Field -> whether a value is one, and what is.
_PREPROCESSING = {
    "image_size": (
        lambda value: _are_numbers(value, 2, int) and min(value) > 0,
        "height and width in pixels",
    ),
    "crop_fraction": (
        lambda value: _are_numbers([value], 1) and 0 < value <= 1,
        "over 0, and 1 at most",
    ),
    "interpolation": (
        lambda value: value in ("bilinear", "bicubic"),
        "bilinear or bicubic",
    ),
    "mean": (lambda value: _are_numbers(value, 3), "three finite numbers"),
    "std": (
        lambda value: _are_numbers(value, 3) and min(value) > 0,
        "three finite numbers over 0",
    ),
    "channel_order": (lambda value: value in ("rgb", "bgr"), "rgb or bgr"),
}


def find_files(path):
    """Returns the paths of the files an export needs, by name.

    Raises:
        ValueError: the work directory or one of the files is missing.
    """
    if not os.path.isdir(path):
        raise ValueError(f"There is no work directory {path!r}")
    files = {
        name: os.path.join(path, name)
        for name in (*_WRITTEN_FIRST, *_IMAGES, "model.keras")
    }
    missing = [name for name in files if not os.path.isfile(files[name])]
    if missing == ["model.keras"]:
        raise ValueError(
            f"{path} is not trained yet: there is no model.keras. It is"
            " written at the end of the first epoch"
        )
    if missing:
        raise ValueError(
            f"{path} is not a complete work directory; it lacks"
            f" {', '.join(missing)}"
        )
    return files


def _read_json(file):
    try:
        with open(file, encoding="utf-8") as stream:
            return json.load(stream)
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def _read_ranges(file):
    """Reads what quantization-aware training has learned, if it has been."""
    if not os.path.exists(file):
        return None
    try:
        return {
            path: (float(least), float(greatest))
            for path, (least, greatest) in _read_json(file)["ranges"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is damaged: {error!r}. Expected ranges, of paths to"
            " pairs of numbers"
        ) from error


def _read_model(file):
    import keras

    from keras_mvit import layers  # noqa: F401  registers them

    try:
        return keras.models.load_model(file, compile=False)
    except Exception as error:  # zip, HDF5, JSON and Keras each raise theirs
        raise ValueError(f"{file} cannot be loaded: {error}") from error

"""Models of keras.applications, to measure beside: everybody knows their speed.

Their weights are random, which changes no time; they say nothing of accuracy.
"""

import dataclasses
import importlib.metadata
import os

import numpy as np

from keras_mvit.export import files
from keras_mvit.export.latency import litertjs, model_files

FORMATS = ("float32", "int8")
MODELS = {
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_large": "MobileNetV3Large",
    "efficientnet_b0": "EfficientNetB0",
    "resnet50": "ResNet50",
}
SIZE_PX = 224
_CALIBRATION_IMAGES = 8


def export(names, folder=None, log=print):
    """Makes the files of baselines, once: later calls find them.

    Args:
        names: list of str. Keys of `MODELS`.
        folder: str or None. Where they are kept; None: in the cache.
        log: callable of str. Tells what is made.

    Returns:
        list of paths, one for each model and each of `FORMATS`.

    Raises:
        ValueError: a name is not known, or the folder cannot be written to.
    """
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise ValueError(
            f"Unknown baselines: {', '.join(unknown)}. Known:"
            f" {', '.join(MODELS)}"
        )
    if folder is None:
        versions = (
            f"{package}-{importlib.metadata.version(package)}"
            for package in ("keras", "keras-mvit")
        )
        folder = os.path.join(litertjs.cache_dir(), "_".join(versions))
    paths = []
    for name in dict.fromkeys(names):
        found = [
            os.path.join(folder, f"{name}_{kind}.tflite") for kind in FORMATS
        ]
        if not all(map(os.path.isfile, found)):
            log(f"Making {name}, once; it is kept in {folder}.")
            _make(name, folder)
        paths += found
    return paths


def mark(measurement, paths):
    """Returns a measurement that tells which results are of baselines.

    Args:
        measurement: Measurement.
        paths: list of str. Files of the baselines.
    """
    known = {model_files.describe(path).sha256 for path in paths}
    rows = [
        dataclasses.replace(row, is_baseline=row.sha256 in known)
        for row in measurement.results
    ]
    return dataclasses.replace(measurement, results=rows)


def _make(name, folder):
    from keras_mvit import console

    console.import_keras_quietly()
    import keras

    from keras_mvit.export import convert, formats, quantize

    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, MODELS[name])(
        weights=None,
        input_shape=(SIZE_PX, SIZE_PX, 3),
        classifier_activation=None,
    )
    content = convert.to_float32(model, (SIZE_PX, SIZE_PX))
    images = np.random.default_rng(0).random(
        (_CALIBRATION_IMAGES, SIZE_PX, SIZE_PX, 3), np.float32
    )
    with files.staged(folder) as stage:
        for kind in FORMATS:
            made = quantize.quantize_file(
                content, formats.FORMATS[kind], images
            )
            with open(
                os.path.join(stage, f"{name}_{kind}.tflite"), "wb"
            ) as out:
                out.write(made)

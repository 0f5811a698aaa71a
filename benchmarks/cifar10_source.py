"""The model of this repository, with CIFAR-10 to calibrate and to test on."""

import dataclasses
import os
import pathlib

import keras_mvit
from benchmarks.half_weights import load_half
from keras_mvit.export import Source, images

_WEIGHTS = (
    pathlib.Path(__file__).parents[1]
    / "tests/data/cifar10_mobilevit_xxs_float16.npz"
)


def cifar10_source(path, num_calibration_images, seed):
    """What there is to export of the model in `tests/data`.

    Args:
        path: str. Folder of CIFAR-10, with `train` and `test`.
        num_calibration_images: int. Training images for int8.
        seed: int. Of their choice.

    Returns:
        keras_mvit.export.Source.
    """
    preprocessing = dataclasses.replace(
        keras_mvit.preprocessing("mobilevit_xxs"),
        image_size=(64, 64),
        crop_fraction=1.0,
    )
    calibration, test = (
        images.read(os.path.join(path, split), preprocessing, limit, seed)
        for split, limit in (
            ("train", num_calibration_images),
            ("test", 10_000),
        )
    )
    model = load_half(_WEIGHTS, "mobilevit_xxs", input_shape=(64, 64, 3))
    return Source(
        "mobilevit_xxs",
        model,
        preprocessing,
        calibration=calibration,
        test=test,
    )

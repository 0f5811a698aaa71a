"""What the model is given, for export to calibrate with and people to see."""

import os

import numpy as np

from keras_mvit.files import replacing
from keras_mvit.training.data.bad_images import naming_bad_images
from keras_mvit.training.image_grid import write_grid

_COLUMNS = 8
_CHOICE = 0xCA11  # stands for the epoch in the order they are chosen by


def write_snapshots(workdir, pipeline, settings):
    """Writes `calibration.npz`, `test.npz` and `augmentation.png`.

    Those that are there stay, if they hold as many images as they should.

    Args:
        workdir: `WorkDirectory`.
        pipeline: `Pipeline`.
        settings: `Settings`, resolved.

    Raises:
        ValueError: an image could not be decoded; names it.
    """
    for split, name, count in (
        ("train", "calibration.npz", settings.calibration_images),
        ("test", "test.npz", settings.test_images),
    ):
        count = min(count, pipeline.source.num_images[split])
        if _num_images(workdir.file(name)) != count:
            _write_images(workdir.file(name), pipeline, split, count)
    if not os.path.exists(workdir.file("augmentation.png")):
        _write_samples(workdir.file("augmentation.png"), pipeline)


def _num_images(path):
    try:
        with open(path, "rb") as file, np.load(file) as content:
            return len(content["labels"])
    except FileNotFoundError:
        return 0


def _write_images(path, pipeline, split, count):
    order = (pipeline.seed, _CHOICE)
    with naming_bad_images(pipeline.source, split, order):
        chosen = pipeline.evaluation_images(split, order).take(count)
        images, labels = zip(*chosen.as_numpy_iterator(), strict=True)
    with replacing(path) as partial:
        np.savez(partial, images=np.stack(images), labels=np.stack(labels))


def _write_samples(path, pipeline):
    order = (pipeline.seed, 0)
    with naming_bad_images(pipeline.source, "train", order):
        samples = pipeline.augmented_samples(_COLUMNS, order)
    names = pipeline.source.class_names
    rows = {
        f"{bucket.size_px} px\nbatch {bucket.batch_size}": [
            (image, names[label]) for image, label in images
        ]
        for bucket, images in samples.items()
    }
    write_grid(path, rows)

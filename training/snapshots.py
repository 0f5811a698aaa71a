"""What the model is given, for export to calibrate with and people to see."""

import os

import numpy as np

from keras_mvit.files import replacing
from keras_mvit.training.data.bad_images import naming_bad_images

_COLUMNS = 8
_CHOICE = 0xCA11  # stands for the epoch in the order they are chosen by


def write_snapshots(workdir, pipeline, settings):
    """Writes `calibration.npz`, `test.npz` and `augmentation.png`, once.

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
        if not os.path.exists(workdir.file(name)):
            _write_images(workdir.file(name), pipeline, split, count)
    if not os.path.exists(workdir.file("augmentation.png")):
        _write_grid(workdir.file("augmentation.png"), pipeline)


def _write_images(path, pipeline, split, count):
    order = (pipeline.seed, _CHOICE)
    with naming_bad_images(pipeline.source, split, order):
        chosen = pipeline.evaluation_images(split, order).take(count)
        images, labels = zip(*chosen.as_numpy_iterator(), strict=True)
    with replacing(path) as partial:
        np.savez(partial, images=np.stack(images), labels=np.stack(labels))


def _write_grid(path, pipeline):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = (pipeline.seed, 0)
    with naming_bad_images(pipeline.source, "train", order):
        rows = pipeline.augmented_samples(_COLUMNS, order)
    figure = Figure((_COLUMNS * 1.3, len(rows) * 1.5), layout="constrained")
    axes = figure.subplots(len(rows), _COLUMNS, squeeze=False)
    for row, (bucket, samples) in zip(axes, rows.items(), strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, (image, label) in zip(row, samples, strict=False):
            axis.imshow(image, interpolation="none")
            axis.set_title(pipeline.source.class_names[label], fontsize=8)
        row[0].text(
            -0.1,
            0.5,
            f"{bucket.size_px} px\nbatch {bucket.batch_size}",
            transform=row[0].transAxes,
            ha="right",
            va="center",
            fontsize=8,
        )
    with replacing(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)

"""Pictures of what augmentation does: each operation alone, then together."""

import math

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.augment import augment_draws, augment_images
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.multiscale import Bucket
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.policies import POLICIES
from keras_mvit.training.data.rand_augment import (
    apply_operation,
    color_jitter,
    jitter_factors,
)

_COLUMNS = 8
_WHOLE = {"crop_scale": (1.0, 1.0), "horizontal_flip": False}
_SIGNED = (-1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9, 1.0)
_UNSIGNED = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0)
_CROPS = {
    "crop\n8 to 100 %": {"horizontal_flip": False},
    "crop\n8 to 25 %": {"horizontal_flip": False, "crop_scale": (0.08, 0.25)},
    "mirrored": {"crop_scale": (1.0, 1.0)},
}
_MIXED_STEP = 8  # by seed 0 neither mixes too little to be seen
_OF_BATCHES = {
    "erasing: zero\np = 0.5": {"random_erasing": 0.5},
    "erasing: zero\np = 1": {"random_erasing": 1.0},
    "erasing: pixel\np = 1": {"random_erasing": 1.0, "erasing_value": "pixel"},
    "MixUp 0.8": {"mixup_alpha": 0.8},
    "MixUp 0.2": {"mixup_alpha": 0.2},
    "CutMix 1.0": {"cutmix_alpha": 1.0},
}


def augmentation_rows(pipeline):
    """The rows of the grid, for `write_grid`.

    Args:
        pipeline: `Pipeline` with the augmentation of a run.

    Returns:
        dict of a row's label to a list of (uint8 image, title).
    """
    first = _first_image(pipeline)
    rows = {label: _crops(pipeline, on) for label, on in _CROPS.items()}
    for operation in POLICIES["timm", True].operations:
        rows[operation.name.replace("_", "\n")] = _levels(first, operation)
    rows["colour jitter"] = _jitters(first)
    for label, on in _OF_BATCHES.items():
        on = Augmentation(**_WHOLE, **on)
        rows[label] = _batch(pipeline, on, _MIXED_STEP)
    for step in range(4):
        label = f"all of the run\nstep {step + 1}"
        rows[label] = _batch(pipeline, pipeline.augmentation, step)
    return rows


def _first_image(pipeline):
    images = pipeline.evaluation_images("train", (pipeline.seed, 0))
    return next(iter(images))[0].numpy()


def _crops(pipeline, on):
    elements = pipeline.source.elements("train", (pipeline.seed, 0))
    image = pipeline.source.read(next(iter(elements)))
    size, interpolation = _size(pipeline), pipeline.preprocessing.interpolation
    on = Augmentation(**on)
    seeds = np.stack([np.zeros(_COLUMNS), np.arange(_COLUMNS)], axis=1)
    images = augment_images(
        tf.stack([image] * _COLUMNS),
        size,
        augment_draws(
            tf.constant(seeds, tf.int32), np.full(_COLUMNS, size), on
        ),
        on,
        interpolation,
    )
    return [(image, "") for image in images.numpy()]


def _levels(image, operation):
    levels = _SIGNED if operation.signed else _UNSIGNED
    return [
        (
            apply_operation(
                operation, image, abs(level), math.copysign(1, level)
            ),
            f"{10 * level:g} of 10",
        )
        for level in levels
    ]


def _jitters(image):
    seeds = np.stack([np.zeros(4, np.int32), np.arange(4, dtype=np.int32)], 1)
    return [
        (color_jitter(image, factors), f"strength {strength}")
        for strength in (0.2, 0.4)
        for factors in jitter_factors(seeds, strength).numpy()
    ]


def _batch(pipeline, augmentation, step):
    """One batch of the pipeline, with the weights of its labels."""
    alone = Pipeline(
        pipeline.source,
        pipeline.preprocessing,
        [Bucket(_size(pipeline), _COLUMNS)],
        pipeline.seed,
        augmentation,
    )
    epoch, step = divmod(step, alone.plan(0).steps)  # of few images
    images, labels = next(iter(alone.epoch(epoch, step).take(1)))
    images = _visible(images.numpy(), pipeline.preprocessing)
    names = pipeline.source.class_names
    return [
        (image, _title(label, names))
        for image, label in zip(images, labels.numpy(), strict=True)
    ]


def _title(label, names):
    """The classes of a mixed label, the heaviest first; none of 0.00."""
    parts = [i for i in np.argsort(-label)[:2] if label[i] >= 0.005]
    if len(parts) == 1:
        return names[parts[0]]
    return "\n".join(f"{label[i]:.2f} {names[i]}" for i in parts)


def _visible(images, preprocessing):
    """The model's input as pixels; undoes `Preprocessing.normalize`."""
    pixels = images * np.float32(preprocessing.std)
    pixels = (pixels + np.float32(preprocessing.mean)) * 255
    if preprocessing.channel_order == "bgr":
        pixels = pixels[..., ::-1]
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def _size(pipeline):
    return pipeline.preprocessing.image_size[0]

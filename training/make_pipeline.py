"""From the settings of a run to its data."""

import dataclasses

from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.source import WHOLE


def make_pipeline(
    settings,
    source,
    preprocessing,
    eval_batch_size=None,
    devices=1,
    shard=WHOLE,
):
    """The data of a run.

    Args:
        settings: `Settings`, resolved.
        source: `Source`.
        preprocessing: `keras_mvit.models.Preprocessing` of the model.
        eval_batch_size: int. Defaults to a step's batch of this process.
        devices: int. That share each batch, in all processes together.
        shard: (int, int). Index and count of this process.

    Returns:
        `Pipeline`.

    Raises:
        ValueError: a setting of the augmentation is out of range.
    """
    size, batch_size = settings.image_size, settings.step_batch_size(devices)
    buckets = make_buckets(
        size,
        batch_size,
        settings.min_image_size,
        settings.max_image_size,
        settings.num_scales,
        settings.size_divisor,
        devices,
    )
    return Pipeline(
        source,
        dataclasses.replace(
            preprocessing,
            image_size=(size, size),
            crop_fraction=settings.crop_fraction,
            interpolation=settings.interpolation,
        ),
        buckets,
        seed=settings.seed,
        augmentation=settings.augmentation(),
        eval_batch_size=eval_batch_size or batch_size // shard[1],
        shard=shard,
        batch_size_divisor=devices,
        whole_batches=settings.whole_batches,
    )

"""From the settings of a run to its data."""

import dataclasses

from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline


def make_pipeline(settings, source, preprocessing, eval_batch_size=None):
    """The data of a run.

    Args:
        settings: `Settings`, resolved.
        source: `Source`.
        preprocessing: `keras_mvit.models.Preprocessing` of the model.
        eval_batch_size: int. Defaults to the run's `batch_size`.

    Returns:
        `Pipeline`.
    """
    buckets = make_buckets(
        settings.image_size,
        settings.batch_size,
        settings.min_image_size,
        settings.max_image_size,
        settings.num_scales,
        settings.size_divisor,
    )
    size = settings.image_size
    return Pipeline(
        source,
        dataclasses.replace(preprocessing, image_size=(size, size)),
        buckets,
        seed=settings.seed,
        augmentation=Augmentation(
            crop_scale=tuple(settings.crop_scale),
            horizontal_flip=settings.horizontal_flip,
        ),
        eval_batch_size=eval_batch_size or settings.batch_size,
    )

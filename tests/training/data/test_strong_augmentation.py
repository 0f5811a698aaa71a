"""Everything on, through the whole pipeline."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.models import Preprocessing
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.multiscale import Bucket, make_buckets
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.shuffle import repeat_elements

STRONG = Augmentation(
    rand_augment_ops=1,
    rand_augment_policy="timm",
    rand_augment_std=0.5,
    color_jitter=0.2,
    random_erasing=0.5,
    erasing_value="pixel",
    mixup_alpha=0.2,
    cutmix_alpha=1.0,
    repeats=3,
)
BUCKETS = make_buckets(32, 47, 32, 48, 2, 16)


def make_pipeline(augmentation=STRONG, mean=(0.5, 0.4, 0.3), **kwargs):
    return Pipeline(
        make_source("digits"),
        Preprocessing(image_size=(32, 32), mean=mean),
        kwargs.pop("buckets", BUCKETS),
        augmentation=augmentation,
        **kwargs,
    )


def test_an_epoch_repeats_and_resumes_to_the_bit():
    last = make_pipeline().plan(1).steps - 1
    longer = list(make_pipeline().epoch(1, first_step=last - 6))
    rest = list(make_pipeline().epoch(1, first_step=last - 3))
    assert len(rest) == 4
    for (images, labels), (x, y) in zip(longer[3:], rest, strict=True):
        np.testing.assert_array_equal(images, x)
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_allclose(np.sum(y, axis=-1), 1, rtol=1e-5)
        assert np.isfinite(x).all()
    other = next(iter(make_pipeline(seed=1).epoch(1, first_step=last - 6)))
    assert not np.array_equal(other[0], longer[0][0])


def test_batches_of_one():
    alone = make_pipeline(buckets=[Bucket(32, 1)])
    images, labels = next(iter(alone.epoch(0)))
    assert images.shape == (1, 32, 32, 3)
    assert np.count_nonzero(labels) == 1  # mixed with itself


def test_processes_agree_on_the_mixing_of_a_step():
    mixing = Augmentation(mixup_alpha=1.0, cutmix_alpha=1.0)
    buckets = [Bucket(32, 40)]
    shares = [
        make_pipeline(mixing, buckets=buckets, shard=(index, 2))
        .epoch(0)
        .take(6)
        for index in range(2)
    ]
    for (_, y0), (_, y1) in zip(*shares, strict=True):
        weights = [np.sort(np.unique(np.max(y, axis=-1)))[0] for y in (y0, y1)]
        np.testing.assert_allclose(*weights, rtol=1e-6)


@pytest.mark.parametrize("count, repeats", [(1, 3), (150, 3), (200, 2)])
def test_repeats(count, repeats):
    numbers = tf.data.Dataset.range(count).map(lambda n: {"n": n})
    repeated = repeat_elements(numbers, repeats).take(count)
    seen = [int(element["n"]) for element in repeated]
    times = collections.Counter(seen)
    assert len(seen) == count
    assert max(times.values()) == min(repeats, count)
    # The first images of the order, and no more than needed.
    assert sorted(times) == list(range(len(times)))
    assert len(times) <= count // repeats + 64
    assert np.diff(seen).all()  # no copy beside its original
    assert repeat_elements(numbers, 1) is numbers


def test_copies_are_augmented_anew():
    crops = Augmentation(repeats=2)
    pipeline = make_pipeline(crops, buckets=[Bucket(32, 128)])
    images = next(iter(pipeline.epoch(0)))[0].numpy()
    assert len({image.tobytes() for image in images}) == 128


def test_rectangles_are_the_models_zero():
    erasing = Augmentation(random_erasing=1.0)
    images = next(iter(make_pipeline(erasing).epoch(0)))[0].numpy()
    zeros = (np.abs(images) < 0.5 / 255 + 1e-6).all(axis=-1)
    assert (zeros.mean(axis=(1, 2)) > 0.01).mean() > 0.9
    plain = next(iter(make_pipeline(Augmentation()).epoch(0)))[0].numpy()
    np.testing.assert_array_equal(images[~zeros], plain[~zeros])


def test_strong_augmentation_reaches_the_images():
    plain = next(iter(make_pipeline(Augmentation()).epoch(0)))[0].numpy()
    for change in (
        {"rand_augment_ops": 2},
        {"color_jitter": 0.4},
        {"random_erasing": 0.5},
        {"mixup_alpha": 0.5},
        {"cutmix_alpha": 1.0},
        {"interpolation": "bicubic"},
    ):
        other = next(iter(make_pipeline(Augmentation(**change)).epoch(0)))[0]
        assert (other.numpy() != plain).any(), change

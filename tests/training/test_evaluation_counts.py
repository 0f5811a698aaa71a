import dataclasses

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.training import evaluation_counts
from keras_mvit.training.evaluation_counts import (
    EvaluationCounts,
    wilson_interval,
)


def draw(seed, images, classes, levels=None):
    """Random logits, of few `levels` so that some are equal, and labels."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(images, classes))
    if levels:
        logits = np.round(logits * levels)
    return logits, generator.integers(0, classes, images)


def assert_same(counts, other):
    for field in dataclasses.fields(counts):
        a, b = getattr(counts, field.name), getattr(other, field.name)
        np.testing.assert_allclose(a, b, rtol=1e-12)


seeds = st.integers(0, 2**32 - 1)
drawn = st.builds(
    draw, seeds, st.integers(1, 40), st.integers(1, 12), st.sampled_from([0, 1])
)


@settings(deadline=None)
@given(drawn, st.lists(st.integers(0, 40), max_size=5))
def test_counts_of_any_split_add_up_to_those_of_the_whole(data, cuts):
    logits, labels = data
    cuts = np.sort(np.minimum(cuts, len(labels))).astype(int)
    total = EvaluationCounts.zeros(logits.shape[1])
    for x, y in zip(
        np.split(logits, cuts), np.split(labels, cuts), strict=True
    ):
        total += EvaluationCounts.of(x, y)
    assert_same(total, EvaluationCounts.of(logits, labels))


@settings(deadline=None)
@given(drawn)
def test_counts_agree_with_each_other(data):
    counts = EvaluationCounts.of(*data)
    assert counts.images == len(data[1])
    assert counts.correct <= counts.top5 <= counts.images
    np.testing.assert_array_equal(
        counts.confusion.sum(axis=1), counts.class_images
    )
    np.testing.assert_array_equal(
        np.diagonal(counts.confusion), counts.class_correct
    )
    metrics = counts.metrics()
    assert 0 <= metrics["top1_low"] <= metrics["top1"] <= metrics["top1_high"]
    assert metrics["top1_high"] <= 1


@pytest.mark.parametrize("classes", [2, 5, 6, 100])
def test_metrics_are_those_of_keras(classes):
    logits, labels = draw(classes, 200, classes)
    metrics = EvaluationCounts.of(logits, labels).metrics()
    for key, metric in (
        ("loss", keras.metrics.SparseCategoricalCrossentropy(from_logits=True)),
        ("top1", keras.metrics.SparseCategoricalAccuracy()),
        ("top5", keras.metrics.SparseTopKCategoricalAccuracy(min(5, classes))),
    ):
        metric.update_state(labels, logits.astype(np.float32))
        assert metrics[key] == pytest.approx(float(metric.result()), rel=1e-5)


def test_of_equal_logits_the_first_class_counts():
    """A model that answers nothing must not be right in 5 of 5 guesses."""
    labels = np.arange(10)
    counts = EvaluationCounts.of(np.zeros((10, 10)), labels)
    assert (counts.correct, counts.top5) == (1, 5)
    assert counts.confusion[:, 0].sum() == 10


def test_what_is_not_a_number_is_not_right():
    logits = np.array([[0.0, np.nan], [0.0, np.nan], [0.0, 1.0]])
    counts = EvaluationCounts.of(logits, np.array([1, 1, 1]))
    assert counts.correct == 1
    assert np.isnan(counts.metrics()["loss"])
    infinite = EvaluationCounts.of(np.array([[np.inf, 0.0]]), np.array([0]))
    assert np.isnan(infinite.loss_sum)


def test_large_logits_do_not_overflow():
    counts = EvaluationCounts.of(np.array([[1e4, -1e4]]), np.array([1]))
    assert counts.loss_sum == pytest.approx(2e4)


def test_many_classes_have_no_confusion_matrix(monkeypatch):
    monkeypatch.setattr(evaluation_counts, "MAX_CONFUSION_CLASSES", 3)
    counts = EvaluationCounts.of(*draw(0, 8, 4))
    assert counts.confusion is None
    total = counts + EvaluationCounts.zeros(4)
    assert total.confusion is None and total.images == 8
    assert EvaluationCounts.zeros(3).confusion is not None


@pytest.mark.parametrize(
    "correct, images, low, high",
    [  # Newcombe, 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(correct, images, low, high):
    assert wilson_interval(correct, images) == pytest.approx(
        (low, high), abs=5e-5
    )
    # All that was wrong is right: the mirror image.
    mirrored = wilson_interval(images - correct, images)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize("correct, images", [(0, 0), (-1, 3), (4, 3)])
def test_an_interval_of_impossible_counts(correct, images):
    with pytest.raises(ValueError, match=f"got {correct} of {images}"):
        wilson_interval(correct, images)


def test_what_does_not_fit_is_refused():
    counts = EvaluationCounts.of(*draw(0, 4, 3))
    with pytest.raises(ValueError, match="got 3 and 4 classes"):
        _ = counts + EvaluationCounts.zeros(4)
    with pytest.raises(ValueError, match="no metrics of 0 images"):
        EvaluationCounts.zeros(3).metrics()
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(3,\)"):
        EvaluationCounts.of(np.zeros((2, 3)), np.zeros(3, int))
    with pytest.raises(ValueError, match="from 0 to 2, got 0 to 3"):
        EvaluationCounts.of(np.zeros((2, 3)), np.array([0, 3]))

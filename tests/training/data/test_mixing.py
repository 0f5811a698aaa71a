import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.mixing import cutmix_box, mix, mix_draws

MIXUP = Augmentation(mixup_alpha=0.8)
CUTMIX = Augmentation(cutmix_alpha=1.0)
BOTH = Augmentation(mixup_alpha=0.8, cutmix_alpha=1.0)

mixed = tf.function(mix, reduce_retracing=True)


def draw(order, augmentation):
    """That of the first batch of an epoch of three."""
    return {k: x[0] for k, x in mix_draws(order, 3, augmentation).items()}


def batch(count, height=12, width=10):
    """Images whose every value is their number; labels are their number."""
    images = np.ones((count, height, width, 3), np.float32)
    images *= np.arange(count, dtype=np.float32)[:, None, None, None]
    return images, np.eye(count, dtype=np.float32)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 8),
    st.integers(2, 40),
    st.integers(2, 40),
    st.integers(0, 1000),
)
@pytest.mark.parametrize("augmentation", [MIXUP, CUTMIX, BOTH])
def test_labels_are_mixed_as_images_are(
    augmentation, count, height, width, seed
):
    images, labels = mix(
        *map(tf.constant, batch(count, height, width)),
        draw([1, seed], augmentation),
    )
    np.testing.assert_allclose(np.sum(labels, axis=-1), 1, rtol=1e-5)
    # The mean value of an image is what its label expects.
    expected = labels @ np.arange(count, dtype=np.float32)[:, None]
    means = np.mean(images, axis=(1, 2, 3))
    np.testing.assert_allclose(means, expected[:, 0], atol=1e-4)
    for index, label in enumerate(labels.numpy()):
        assert set(np.flatnonzero(label)) <= {index, count - 1 - index}


@pytest.mark.parametrize("augmentation", [MIXUP, CUTMIX])
def test_bytes_are_mixed_as_floats_are(augmentation):
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 8, 3), np.uint8)
    labels = np.eye(5, dtype=np.float32)
    units = images / np.float32(255)
    drawn = draw([1, 2], augmentation) | {"weight": np.float32(0.7)}
    one, other = (
        mix(tf.constant(x), labels, drawn)[0] for x in (images, units)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert one.dtype == tf.float32 and np.abs(one - units).max() > 0.1


def weights_of(augmentation, count=600):
    """Weights of images in mixed batches, and whether a batch has CutMix."""
    images, labels = tf.function(
        lambda: tf.map_fn(
            lambda draw: mix(*map(tf.constant, batch(2, 32, 32)), draw),
            mix_draws([3], count, augmentation),
            fn_output_signature=(tf.float32, tf.float32),
        )
    )()
    weights = labels[:, 0, 0].numpy()
    whole = np.ptp(images[:, 0], axis=(1, 2, 3)) < 1e-6
    return weights, ~whole


def test_weights_of_mixup_are_beta_distributed():
    weights, cut = weights_of(MIXUP)
    assert not cut.any()
    assert abs(weights.mean() - 0.5) < 0.05
    variance = 1 / (4 * (2 * 0.8 + 1))  # of Beta(0.8, 0.8)
    assert abs(weights.var() - variance) < 0.015


def test_one_or_the_other():
    _, cut = weights_of(BOTH)
    # Weights so near 1 that no pixel is cut count as uncut.
    assert 0.4 < cut.mean() < 0.56
    _, cut = weights_of(CUTMIX, 200)
    assert cut.mean() > 0.9
    rarely = Augmentation(
        mixup_alpha=0.8, cutmix_alpha=1.0, cutmix_probability=0.1
    )
    assert 0.03 < weights_of(rarely)[1].mean() < 0.17


def test_some_batches_stay_as_they_are():
    half = Augmentation(mixup_alpha=0.8, mix_probability=0.5)
    weights, _ = weights_of(half, 300)
    assert 0.4 < np.mean(weights == 1) < 0.6


def test_all_shares_of_a_batch_are_mixed_alike():
    images, labels = batch(6)
    for seed in range(8):
        parts = [
            mixed(images[i::2], labels[:3, :3], draw([0, seed], BOTH))[1]
            for i in range(2)
        ]
        np.testing.assert_array_equal(*parts)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.floats(0, 1, width=32),
    st.tuples(*[st.floats(0, 1, exclude_max=True, width=32)] * 2),
)
def test_the_box_lies_inside(height, width, weight, centre):
    start, end = cutmix_box([height, width], weight, tf.constant(centre))
    assert (start >= 0).numpy().all() and (start <= end).numpy().all()
    assert (end <= [height, width]).numpy().all()


def test_the_box_has_the_area_asked_for():
    start, end = cutmix_box([200, 100], 0.75, tf.constant([0.5, 0.5]))
    np.testing.assert_array_equal(start, [50, 25])
    np.testing.assert_array_equal(end, [150, 75])


def test_minute_alphas_do_not_divide_by_zero():
    minute = Augmentation(mixup_alpha=1e-8)
    images, labels = mix(*map(tf.constant, batch(2)), draw([0, 0], minute))
    assert np.isfinite(images).all() and np.isfinite(labels).all()


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 300),
    st.just(0.0) | st.floats(0, 4),
    st.just(0.0) | st.floats(0, 4),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 1000),
)
def test_all_that_is_on_is_drawn_and_nothing_else(
    steps, mixup, cutmix, cutmix_probability, mix_probability, seed
):
    augmentation = Augmentation(
        mixup_alpha=mixup,
        cutmix_alpha=cutmix,
        cutmix_probability=cutmix_probability,
        mix_probability=mix_probability,
    )
    drawn = mix_draws([seed], steps, augmentation)
    assert {len(x) for x in drawn.values()} == {steps}
    weight, cut, mixed = (drawn[x] for x in ("weight", "cut", "mixed"))
    assert ((0 <= weight) & (weight <= 1)).all()
    assert (weight[~mixed] == 1).all()
    assert augmentation.mixes or not mixed.any()
    assert cutmix or not (cut & mixed).any()
    assert mixup or not (~cut & mixed).any()
    if mix_probability == 1:
        assert mixed.all() == augmentation.mixes or not steps


def test_draws_depend_on_the_epoch_and_not_on_its_length():
    one, again, other = (
        mix_draws(order, steps, BOTH)
        for order, steps in (([0, 1], 50), ([0, 1], 20), ([0, 2], 50))
    )
    for name, values in one.items():
        np.testing.assert_array_equal(values[:20], again[name])
        assert name == "mixed" or (values != other[name]).any()

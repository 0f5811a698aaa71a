import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_mvit.training.data.multiscale import (
    Bucket,
    EpochPlan,
    make_buckets,
    make_divisible,
    plan_epoch,
)

BUCKETS = make_buckets()


def as_dict(buckets):
    return {bucket.size_px: bucket.batch_size for bucket in buckets}


def test_the_papers_sizes_and_batches():
    expected = {160: 327, 192: 227, 256: 128, 288: 101, 320: 81}
    assert as_dict(make_buckets()) == expected


def test_batch_sizes_can_be_multiples():
    expected = {160: 320, 192: 224, 256: 128, 288: 96, 320: 80}
    assert as_dict(make_buckets(batch_size_divisor=8)) == expected


def test_fixed_size_is_one_bucket():
    assert as_dict(make_buckets(224, 32, 224, 224, 1)) == {224: 32}
    assert as_dict(make_buckets(224, 32, 224, 224, 5)) == {224: 32}


@pytest.mark.parametrize(
    "value, divisor, expected",
    [
        (200, 32, 192),
        (240, 32, 256),
        (280, 32, 288),
        (40, 16, 48),  # half way: up
        (40, 32, 64),  # 32 would lose a fifth
        (1, 32, 32),
        (100, 1, 100),
    ],
)
def test_make_divisible(value, divisor, expected):
    assert make_divisible(value, divisor) == expected


@given(st.floats(1, 5000), st.integers(1, 128))
def test_make_divisible_is_near(value, divisor):
    result = make_divisible(value, divisor)
    assert result % divisor == 0
    assert result >= max(divisor, 0.9 * value)
    assert abs(result - value) <= max(divisor, 1.5 * divisor)


any_buckets = st.builds(
    lambda base, batch, low, span, scales, divisor: make_buckets(
        base, batch, low, low + span, scales, divisor
    ),
    st.integers(32, 512),
    st.integers(1, 256),
    st.integers(32, 320),
    st.integers(0, 320),
    st.integers(1, 7),
    st.integers(1, 64),
)


@given(
    st.integers(32, 512),
    st.integers(1, 512),
    st.integers(32, 320),
    st.integers(0, 320),
    st.integers(1, 7),
    st.integers(1, 64),
)
def test_buckets_cost_no_more_than_the_base(
    base, batch, low, span, scales, divisor
):
    buckets = make_buckets(base, batch, low, low + span, scales, divisor)
    sizes = [bucket.size_px for bucket in buckets]
    assert sizes == sorted(set(sizes))
    assert make_divisible(base, divisor) in sizes
    for bucket in buckets:
        pixels = bucket.size_px**2
        assert bucket.size_px % divisor == 0
        # The largest batch that fits, or a single image.
        assert pixels * bucket.batch_size <= base**2 * batch or (
            bucket.batch_size == 1
        )
        assert pixels * (bucket.batch_size + 1) > base**2 * batch


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"base_size_px": 0}, "base_size_px .* got 0"),
        ({"base_batch_size": -1}, "base_batch_size .* got -1"),
        ({"num_scales": 2.5}, "num_scales .* got 2.5"),
        ({"divisor": 0}, "divisor .* got 0"),
        ({"batch_size_divisor": True}, "batch_size_divisor .* got True"),
        ({"min_size_px": 330}, "330 > 320"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        make_buckets(**arguments)


def check_plan(plan, num_images, buckets):
    """The promises of `plan_epoch`."""
    batch_size = as_dict(buckets)
    assert len(plan.sizes_px) == len(plan.batch_sizes) == plan.steps
    assert plan.batch_sizes.sum() == num_images
    assert plan.batch_sizes.min() >= 1
    full = [batch_size[size] for size in plan.sizes_px]
    assert list(plan.batch_sizes[:-1]) == full[:-1]
    assert plan.batch_sizes[-1] <= full[-1]


@given(
    st.integers(1, 3000), any_buckets, st.integers(0, 2**32), st.integers(0, 99)
)
def test_plans_use_every_image_once(num_images, buckets, seed, epoch):
    plan = plan_epoch(num_images, buckets, seed, epoch)
    check_plan(plan, num_images, buckets)
    again = plan_epoch(num_images, buckets, seed, epoch)
    np.testing.assert_array_equal(plan.sizes_px, again.sizes_px)
    np.testing.assert_array_equal(plan.batch_sizes, again.batch_sizes)
    assert len(plan.image_sizes_px) == num_images


@given(
    st.integers(1, 3000), any_buckets, st.integers(0, 2**32), st.integers(0, 99)
)
def test_whole_batches_leave_out_no_more_than_the_last(
    num_images, buckets, seed, epoch
):
    every = plan_epoch(num_images, buckets, seed, epoch)
    plan = plan_epoch(num_images, buckets, seed, epoch, whole_batches=True)
    full = [as_dict(buckets)[size] for size in every.sizes_px]
    left_out = every.steps > 1 and every.batch_sizes[-1] < full[-1]
    assert plan.steps == every.steps - left_out
    np.testing.assert_array_equal(plan.sizes_px, every.sizes_px[: plan.steps])
    if plan.steps > 1:
        assert list(plan.batch_sizes) == full[: plan.steps]


@pytest.mark.parametrize(
    "change",
    [
        lambda sizes, batches: (sizes[:-1], batches[:-1]),  # images left out
        lambda sizes, batches: (sizes, batches + 1),  # too many images
        lambda sizes, batches: (sizes[::-1], batches),  # wrong batch size
        lambda sizes, batches: (sizes, batches[::-1]),  # remainder not last
    ],
)
def test_check_plan_can_fail(change):
    plan = plan_epoch(1000, BUCKETS, 0, 1)
    check_plan(plan, 1000, BUCKETS)
    broken = EpochPlan(*change(plan.sizes_px, plan.batch_sizes))
    with pytest.raises(AssertionError):
        check_plan(broken, 1000, BUCKETS)


def test_epochs_and_seeds_differ():
    plans = [
        tuple(plan_epoch(50_000, BUCKETS, seed, epoch).sizes_px)
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len(set(plans)) == 4


def test_sizes_are_drawn_uniformly_per_batch():
    sizes = plan_epoch(1_000_000, BUCKETS, 0, 0).sizes_px
    _, counts = np.unique(sizes, return_counts=True)
    expected = len(sizes) / len(BUCKETS)
    # Five standard deviations of a binomial.
    np.testing.assert_allclose(counts, expected, atol=5 * expected**0.5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((0, BUCKETS, 0, 0), "num_images .* got 0"),
        ((1, (), 0, 0), "buckets"),
        ((1, BUCKETS, -1, 0), "got -1 and 0"),
        ((1, [Bucket(64, 8)], 0, -2), "got 0 and -2"),
    ],
)
def test_bad_plans(arguments, words):
    with pytest.raises(ValueError, match=words):
        plan_epoch(*arguments)

"""Parts of an epoch: from a step on, and of one process among many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.models import Preprocessing
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.multiscale import make_buckets, plan_epoch
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.source import shard_size
from tests.training.conftest import write_images

SOURCES = {}


@pytest.fixture(scope="module", autouse=True)
def sources(tmp_path_factory):
    folder = write_images(tmp_path_factory.mktemp("images"), train=17, test=5)
    SOURCES["folder"] = make_source(f"folder:{folder}")
    digits = make_source("digits")
    digits._rows["train"] = digits._rows["train"][:61]
    digits.num_images["train"] = 61
    SOURCES["digits"] = digits


def make_pipeline(kind, divisor, shard=(0, 1), seed=0):
    return Pipeline(
        SOURCES[kind],
        Preprocessing(image_size=(32, 32)),
        make_buckets(32, 8, 16, 48, 3, 16, divisor),
        seed=seed,
        eval_batch_size=3,
        shard=shard,
        batch_size_divisor=divisor,
    )


def arrays(batches):
    return [(x.numpy(), y.numpy()) for x, y in batches]


def check_same(batches, others):
    assert len(batches) == len(others)
    for (x, y), (other_x, other_y) in zip(batches, others, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


@settings(deadline=None, max_examples=5)
@given(
    st.sampled_from(["folder", "digits"]),
    st.integers(0, 99),
    st.integers(0, 9),
    st.floats(0, 1, exclude_max=True),
)
def test_the_rest_of_an_epoch(kind, seed, epoch, part):
    pipeline = make_pipeline(kind, 1, seed=seed)
    first = int(part * pipeline.plan(epoch).steps)
    whole = arrays(pipeline.epoch(epoch))
    rest = pipeline.epoch(epoch, first)
    assert len(rest) == len(whole) - first
    check_same(arrays(rest), whole[first:])


def test_another_rest_would_be_noticed():
    pipeline = make_pipeline("digits", 1)
    whole = arrays(pipeline.epoch(0))
    with pytest.raises(AssertionError):
        check_same(arrays(pipeline.epoch(0, 1)), [whole[0], *whole[2:]])


@settings(deadline=None, max_examples=5)
@given(
    st.sampled_from(["folder", "digits"]),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(0, 9),
    st.integers(0, 2),
)
def test_processes_share_the_batches_of_one(kind, count, devices, epoch, first):
    divisor = count * devices
    alone = make_pipeline(kind, divisor)
    first = min(first, alone.plan(epoch).steps - 1)
    whole = arrays(alone.epoch(epoch, first))
    used = sum(len(x) for x, _ in arrays(alone.epoch(epoch)))
    total = SOURCES[kind].num_images["train"]
    assert used == total - total % divisor == alone.plan(epoch).num_images
    for index in range(count):
        process = make_pipeline(kind, divisor, (index, count))
        np.testing.assert_array_equal(
            process.plan(epoch).sizes_px, alone.plan(epoch).sizes_px
        )
        share = [(x[index::count], y[index::count]) for x, y in whole]
        check_same(arrays(process.epoch(epoch, first)), share)


@pytest.mark.parametrize("kind", ["folder", "digits"])
def test_processes_evaluate_every_image_once(kind):
    whole, _ = zip(*arrays(make_pipeline(kind, 1).evaluation()), strict=True)
    whole = np.concatenate(whole)
    for index in range(3):
        process = make_pipeline(kind, 3, (index, 3))
        batches = process.evaluation()
        images = [x for x, _ in arrays(batches)]
        assert len(images) == len(batches)
        np.testing.assert_array_equal(np.concatenate(images), whole[index::3])


@given(st.integers(0, 1000), st.integers(1, 50))
def test_shard_sizes(num_images, count):
    sizes = [shard_size(num_images, (index, count)) for index in range(count)]
    assert sum(sizes) == num_images
    assert max(sizes) - min(sizes) <= 1 and sizes == sorted(sizes)[::-1]


@given(st.integers(1, 500), st.integers(1, 8), st.data())
def test_plans_of_the_rest_and_of_a_process(batches, count, data):
    buckets = make_buckets(32, 16, 16, 64, 5, 16, count)
    plan = plan_epoch(batches * count, buckets, 0, 0)
    assert not (plan.batch_sizes % count).any()
    step = data.draw(st.integers(0, plan.steps - 1))
    rest = plan.after(step).share(count)
    assert rest.steps == plan.steps - step
    assert count * rest.first_image == plan.batch_sizes[:step].sum()
    assert count * (rest.first_image + rest.num_images) == plan.num_images


@pytest.mark.parametrize("step", [-1, 3])
def test_steps_beyond_the_epoch(step):
    plan = plan_epoch(20, make_buckets(32, 8, 32, 32, 1), 0, 0)
    with pytest.raises(ValueError, match=f"below 3, got {step}"):
        plan.after(step)


@pytest.mark.parametrize(
    "shard, divisor, words",
    [
        ((1, 1), 1, r"index < count, got \(1, 1\)"),
        ((-1, 2), 2, r"index < count, got \(-1, 2\)"),
        ((0, 2), 3, "multiple of 2 processes, got 3"),
        ((0, 1), 5, "multiples of 5, got Bucket.*batch_size=18"),
    ],
)
def test_bad_shares(shard, divisor, words):
    with pytest.raises(ValueError, match=words):
        Pipeline(
            SOURCES["digits"],
            Preprocessing(image_size=(32, 32)),
            make_buckets(48, 8, 32, 64, 3),
            shard=shard,
            batch_size_divisor=divisor,
        )


def test_too_few_images_for_the_devices():
    with pytest.raises(ValueError, match="at least 64 training.*got 61"):
        make_pipeline("digits", 64).plan(0)

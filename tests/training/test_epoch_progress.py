import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_mvit.training.data.multiscale import Bucket, plan_epoch
from keras_mvit.training.epoch_progress import EpochProgress, fingerprint


@given(
    losses=st.lists(st.floats(0, 10), min_size=2, max_size=20),
    cut=st.integers(1, 19),
)
def test_parts_add_up_to_the_whole(losses, cut):
    images = np.arange(1, len(losses) + 1)

    def logs(part):
        mean = np.average(np.array(losses)[part], weights=images[part])
        return {"loss": mean, "top1": mean / 10}

    def run(progress, part):
        count = len(images[part])
        return progress.plus(count, int(images[part].sum()), logs(part), 1.0)

    cut = min(cut, len(losses) - 1)
    whole = run(EpochProgress("plan"), slice(None))
    parts = run(EpochProgress("plan"), slice(cut))
    parts = run(parts, slice(cut, None))
    assert (parts.steps, parts.images) == (whole.steps, whole.images)
    assert parts.loss == pytest.approx(whole.loss)
    assert parts.top1 == pytest.approx(whole.top1)
    assert parts.seconds == 2.0


def test_fingerprints():
    buckets = [Bucket(32, 4), Bucket(48, 2)]
    marks = {
        fingerprint(plan_epoch(images, buckets, seed, epoch), seed)
        for images in (20, 21)
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(marks) == 8
    again = fingerprint(plan_epoch(20, buckets, 0, 0), 0)
    assert again in marks

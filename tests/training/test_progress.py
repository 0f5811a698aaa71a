import functools

import numpy as np
import pytest
import tqdm

from keras_mvit.training.data.multiscale import make_buckets, plan_epoch
from keras_mvit.training.progress import ProgressBar

PLAN = plan_epoch(100, make_buckets(64, 20, 48, 80, 3, 16), 0, 0)


def run(steps):
    logs = {"loss": np.float32(1.25), "top1": np.array(0.5)}
    # So that the first step's rate shows which step of the run it is.
    with ProgressBar(PLAN, "epoch 1/2", lambda step: step * 1e-4, 7) as bar:
        for step in range(steps):
            bar.on_train_batch_end(step, logs)
    return bar.images_done


@pytest.mark.parametrize("steps", [0, 1, PLAN.steps])
def test_counts_images(steps):
    assert run(steps) == PLAN.batch_sizes[:steps].sum()


def test_a_log_is_not_flooded(capsys):
    run(PLAN.steps)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_it(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    every_step = functools.partial(tqdm.tqdm, mininterval=0)
    monkeypatch.setattr("keras_mvit.training.progress.tqdm.tqdm", every_step)
    run(PLAN.steps)
    shown = capsys.readouterr().err
    assert "epoch 1/2" in shown and "images/s" in shown
    assert f"loss 1.250, top-1 50%, lr 7e-04, {PLAN.sizes_px[0]} px" in shown

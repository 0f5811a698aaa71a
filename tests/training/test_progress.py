import functools
import types

import numpy as np
import pytest
import tqdm

from keras_mvit.training.data.multiscale import make_buckets, plan_epoch
from keras_mvit.training.progress import ProgressBar

PLAN = plan_epoch(100, make_buckets(64, 20, 48, 80, 3, 16), 0, 0)


def run(steps):
    logs = {"loss": np.float32(1.25), "top1": np.array(0.5)}
    optimizer = types.SimpleNamespace(learning_rate=1e-3)
    with ProgressBar(PLAN, "epoch 1/2") as bar:
        bar.set_model(types.SimpleNamespace(optimizer=optimizer))
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
    assert f"loss 1.250, top-1 50%, lr 1e-03, {PLAN.sizes_px[0]} px" in shown

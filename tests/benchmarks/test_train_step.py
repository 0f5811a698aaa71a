import json
import subprocess
import sys

import pytest

from benchmarks.train_step_figures import (
    Figures,
    misses,
    sets_of_buckets,
)
from benchmarks.train_step_turns import time_against
from benchmarks.workers import Worker
from keras_mvit.training.data.multiscale import Bucket

SMALL, BASE = Bucket(160, 81), Bucket(256, 32)


def _figures(**changes):
    """Both kinds at once, of a model that keeps all bounds."""
    fields = {
        "variant": "mobilevit_xxs",
        "base": BASE,
        "base_seconds": [1.0, 9.0, 0.5],
        "sizes": {SMALL: [1.0, 1.5, 0.5]},
        "peers": {
            "default": [2.0, 9.0, 1.0],
            "channels_last": [1.5, 3.0, 1.0],
        },
        "traces": 1,
    }
    return Figures(**(fields | changes))


def test_ratios():
    figures = _figures()
    assert figures.images_per_second == 32
    assert figures.peer_images_per_second == pytest.approx(32 / 1.5)
    assert figures.ratio_to_peer == pytest.approx(1.5)  # to the faster form
    assert figures.multi_scale_images_per_second == (32 + 81) / 2
    assert figures.ratio_to_fixed == pytest.approx(113 / 64)
    low, high = figures.ratio_to_fixed_quartiles
    assert low == pytest.approx((113 / 80 + 113 / 64) / 2)
    assert high == pytest.approx((113 / 48 + 113 / 64) / 2)
    assert misses([figures]) == []


def test_images_per_second_of_a_slower_step():
    slower = _figures(base_seconds=[2.0])
    assert slower.seconds == {BASE: 2.0, SMALL: 2.0}
    assert slower.peer_seconds == {"default": 4.0, "channels_last": 3.0}
    assert slower.ratio_to_fixed == _figures().ratio_to_fixed


def test_bounds_name_model_and_figure():
    slow = [
        _figures(peers={"default": [1.2]}, sizes={}),
        _figures(peers={}, sizes={SMALL: [2.0]}, traces=3),
    ]
    to_peer, to_fixed, traces = misses(slow)
    assert to_peer == "mobilevit_xxs: images/s over timm's: 1.200, below 1.3"
    assert to_fixed.endswith("multi-scale over fixed size: 1.177, below 1.35")
    assert traces.startswith("mobilevit_xxs: 3 traces, more than one")


def test_what_is_not_measured_is_missed():
    (line,) = misses([_figures(peers={}, sizes={})])
    assert line.endswith("timm's: not measured, must be at least 1.3")


def test_cmt_has_no_peer_and_one_size():
    cmt = _figures(variant="cmt_ti", peers={}, sizes={})
    assert cmt.ratio_to_peer is None and cmt.ratio_to_fixed is None
    assert misses([cmt]) == []


def test_sizes():
    fixed, buckets = sets_of_buckets("mobilevit_xxs", 256, 36, 32)
    assert fixed == (Bucket(256, 36),)
    assert buckets[0] == BASE and SMALL in buckets and len(buckets) == 5
    _, small = sets_of_buckets("mobilevit_xxs", 64, 36, 128)
    assert [bucket.size_px for bucket in small] == [64, 48, 80]
    assert sets_of_buckets("cmt_ti", 256, 32, 128) == [
        (Bucket(160, 32),),
        (BASE,),
    ]


class _Drifting:
    """A worker on a machine whose steps take longer and longer."""

    def __init__(self, seconds, asked):
        self._seconds = seconds
        self._asked = asked

    def ask(self, **question):
        self._asked.append(question)
        return {"seconds": self._seconds * (1 + 0.1 * len(self._asked))}


def test_what_drifts_with_the_machine_is_no_difference():
    asked = []
    ours, peer = _Drifting(2.0, asked), _Drifting(6.0, asked)
    seconds, relative, traces = time_against(
        (ours, BASE),
        {SMALL: (ours, SMALL), "default": (peer, BASE)},
        rounds=5,
        warm_up=2,
    )
    assert len(seconds) == 5 and traces == 0
    assert relative[SMALL] == pytest.approx([1.0] * 5, rel=0.02)
    assert relative["default"] == pytest.approx([3.0] * 5, rel=0.1)
    assert len(asked) == 7 * (5 + 2) + 1  # 2: after another


def test_a_worker_answers(tmp_path, monkeypatch):
    (tmp_path / "echo.py").write_text(
        "from benchmarks.workers import serve\n"
        "import os\n"
        "def answer(x):\n"
        "    print('chatter')\n"
        "    return [1 / x, os.environ['OMP_NUM_THREADS']]\n"
        "serve(answer)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:.")
    worker = Worker("echo", threads=3)
    assert worker.ask(x=4) == [0.25, "3"]
    with pytest.raises(RuntimeError, match="(?s)echo has failed.*ZeroDivision"):
        worker.ask(x=0)
    worker.close()


def test_the_peer_gets_no_tensorflow():
    code = (
        "import sys, benchmarks.train_step_peer\n"
        "import json; print(json.dumps('tensorflow' in sys.modules))"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert json.loads(output) is False


def test_timm_answers():
    pytest.importorskip("torch", reason="needs torch and timm")
    pytest.importorskip("yaml", reason="needs PyYAML for timm")
    code = "import benchmarks.train_step_peer as p; p.import_timm()"
    command = [sys.executable, "-c", code]
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("timm is not installed")
    peer = Worker(
        "benchmarks.train_step_peer",
        "mobilevit_xxs",
        "10",
        "default",
        threads=1,
    )
    assert peer.ask(size_px=64, batch_size=2)["seconds"] > 0
    peer.close()


@pytest.mark.large
def test_check_fails_without_a_peer():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.train_step", "--quick", "--check"]
        + ["--size=64", "--models=mobilevit_xxs", "--peer_python=/bin/false"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "timm's: not measured, must be at least 1.3" in done.stderr
    assert "No peer" in done.stdout and "1 traces for 3 sizes" in done.stdout

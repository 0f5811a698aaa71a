import dataclasses
import subprocess
import sys
import types

import numpy as np
import pytest

from benchmarks import latency_figures, latency_peer, rewrites_left_out
from benchmarks.latency_figures import Figures, FileFigures, misses
from tests.export.rewrite.test_deploy_form import differences, make_model


def _file(name, median_ms, num_partitions=1, size_bytes=100):
    return FileFigures(name, median_ms, num_partitions, size_bytes)


def _figures(**changes):
    """A model that keeps all bounds."""
    files = {
        "float32": _file("float32", 10.0),
        "int8": _file("int8", 4.0, size_bytes=28),
        "kimm": _file("kimm", 14.0, 10),
        "timm": _file("timm", 12.5),
    } | changes
    return Figures("mobilevit_xxs", [f for f in files.values() if f])


def test_ratios():
    figures = _figures()
    assert figures.peer.name == "timm"  # the fastest
    assert figures.ratio_to_peer == pytest.approx(0.8)
    assert figures.int8_ratio == pytest.approx(0.4)
    assert figures.int8_size == pytest.approx(0.28)
    assert misses([figures]) == []
    slower = dataclasses.replace(figures, files=_figures(timm=None).files)
    mean = latency_figures.mean_ratio_to_peer([figures, slower])
    assert mean == pytest.approx((0.8 * 10 / 14) ** 0.5)


def test_files_are_loaded_anew_in_changing_order(monkeypatch):
    orders = []

    def take_turns(models, runs):
        orders.append([model.name for model in models])
        return [[ord(model.name)] * runs for model in models]

    monkeypatch.setattr(latency_figures, "take_turns", take_turns)
    monkeypatch.setattr(
        latency_figures,
        "_warm",
        lambda content: types.SimpleNamespace(name=content, num_partitions=1),
    )
    files = latency_figures.measure(dict(zip("abc", "abc", strict=True)), 7)
    assert [(file.name, file.median_ms) for file in files] == [
        ("a", 97),
        ("b", 98),
        ("c", 99),
    ]
    assert len(orders) == 7  # no load without a run
    assert len(set(map(tuple, orders))) > 1


def test_bounds_name_model_and_figure():
    slow = _figures(
        int8=_file("int8", 6.0, 3, 31), timm=_file("timm", 10.0)
    )  # fmt: skip
    assert misses([slow]) == [
        "mobilevit_xxs: float32 over the fastest peer: 1.000, above 0.95",
        "mobilevit_xxs: int8 over float32: 0.600, above 0.50",
        "mobilevit_xxs: size of int8 over float32: 0.310, above 0.30",
        "mobilevit_xxs: int8 has 3 partitions, must have 1",
        "geometric mean of float32 over the fastest peer: 1.000, above 0.90",
    ]


def test_what_is_not_measured_is_missed():
    first, second = misses([_figures(timm=None, kimm=None)])
    assert first.endswith("fastest peer: not measured, must be at most 0.95")
    assert second.endswith("fastest peer: not measured, must be at most 0.90")


def test_an_unknown_model_is_one_line():
    command = [sys.executable, "-m", "benchmarks.latency", "--models=vgg"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: models are vgg; expected some of")


@pytest.mark.parametrize("family", ["mobilevit", "mobilevitv2", "cmt"])
def test_without_a_rewrite_the_answer_is_the_same(family):
    model, size = make_model(family)
    for name, (families, _) in rewrites_left_out.REWRITES.items():
        if family in families.split():
            with rewrites_left_out.without(name):
                assert np.all(differences(model, size) < 1e-5), name


def test_no_norm_is_left_out_by_a_converter():
    model, _ = make_model("mobilevit")
    before = model.get_weights()
    latency_peer.randomize(model)
    for weight, old in zip(model.weights, before, strict=True):
        changed = weight.path.endswith(("gamma", "beta"))
        assert np.any(weight.numpy() != old) == changed, weight.path

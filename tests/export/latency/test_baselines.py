import os

import pytest

from keras_mvit.export.latency import baselines, host, model_files, results
from tests.export.latency import tiny_file


def _files(folder, names):
    return [
        tiny_file.write(folder / f"{name}_{kind}.tflite", f"{name} {kind}")
        for name in names
        for kind in baselines.FORMATS
    ]


def test_files_that_are_there_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "_make", None)
    names = ["resnet50", "mobilenet_v2"]
    paths = _files(tmp_path, names)
    assert baselines.export([*names, "resnet50"], str(tmp_path)) == paths


def test_what_is_missing_is_made_in_the_cache(tmp_path, monkeypatch):
    made = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(baselines, "_make", lambda *args: made.append(args))
    lines = []
    paths = baselines.export(["resnet50"], log=lines.append)
    folder = os.path.dirname(paths[0])
    assert made == [("resnet50", folder)]
    assert folder.startswith(str(tmp_path / "keras_mvit" / "keras-3."))
    assert "Making resnet50" in lines[0]


def test_unknown_names():
    with pytest.raises(ValueError, match="Unknown baselines: vgg. Known: mob"):
        baselines.export(["resnet50", "vgg"])


def test_marking(tmp_path):
    own, *others = _files(tmp_path, ["resnet50"])
    rows = [
        results.Result(
            **model_files.describe(path).fields(),
            **results.statistics([1.0]),
            threads=1,
            init_ms=1.0,
            first_run_ms=1.0,
            peak_memory_mib=None,
            num_partitions=None,
        )
        for path in (own, *others)
    ]
    device = {"name": "", "cores": 1, "os": "", "runtime": ""}
    measurement = results.Measurement("host", device, {}, rows)
    marked = baselines.mark(measurement, others)
    assert [row.is_baseline for row in marked.results] == [False, True]
    assert "resnet50_int8 (baseline)" in results.table(marked)


@pytest.mark.large
@pytest.mark.parametrize("name", baselines.MODELS)
def test_they_run(tmp_path, name):
    paths = baselines.export([name], str(tmp_path), log=len)
    rows = host.measure(paths, runs=3, warmup_runs=1).results
    assert [row.model for row in rows] == [f"{name}_float32", f"{name}_int8"]
    assert rows[1].size_bytes < 0.35 * rows[0].size_bytes

import dataclasses
import json

import pytest

from keras_mvit.export.latency import results

_RESULT = results.Result(
    model="small_float32",
    sha256="0" * 64,
    size_bytes=1,
    threads=1,
    median_ms=2.0,
    p90_ms=3.0,
    min_ms=1.0,
    mean_ms=2.5,
    init_ms=4.0,
    first_run_ms=5.0,
    peak_memory_mib=None,
    num_partitions=1,
)


def _measurement(*changes, target="host", **kwargs):
    device = {"name": "CPU", "cores": 2, "os": "Linux", "runtime": "LiteRT"}
    rows = [dataclasses.replace(_RESULT, **change) for change in changes]
    return results.Measurement(target, device, {"runs": 1}, rows, **kwargs)


def test_round_trip(tmp_path):
    measurement = _measurement({}, {"op_profile": [{"op": "ADD"}]})
    path = str(tmp_path / "new" / "latency.json")
    results.write(path, measurement)
    assert results.read(path) == measurement


def test_json_of_older_versions(tmp_path):
    path = str(tmp_path / "latency.json")
    results.write(path, _measurement({}))
    fields = json.loads((tmp_path / "latency.json").read_text())
    del fields["conditions"]
    for key in ("accelerator", "api", "p95_ms", "op_profile", "is_baseline"):
        del fields["results"][0][key]
    (tmp_path / "latency.json").write_text(json.dumps(fields))
    assert results.read(path) == _measurement({})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"results": [1]}'])
def test_json_of_another_kind(tmp_path, text):
    path = tmp_path / "latency.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="latency.json holds no latencies"):
        results.read(path)
    with pytest.raises(ValueError, match="Cannot read"):
        results.read(tmp_path / "nowhere.json")


def test_table():
    rows = [{}, {"model": "small_int8", "median_ms": 1.0}]
    rows += [{**row, "threads": 2} for row in rows]
    lines = results.table(_measurement(*rows)).splitlines()
    assert lines[0] == "host: CPU, 2 cores, Linux, LiteRT"
    assert lines[1].split("  ")[0] == "model"
    assert "MiB" not in lines[1]  # nothing told it
    assert [line.split()[-1] for line in lines[2:]] == [
        "1.00", "0.50", "1.00", "0.50",
    ]  # fmt: skip


def test_table_of_a_phone():
    row = {"op_profile": [{"op": "ADD", "percent": 60.0, "mean_ms": 1.2}]}
    measurement = _measurement(
        row,
        {"accelerator": "gpu", "is_baseline": True},
        target="android",
        conditions={"before": {"thermal_status": 0}},
    )
    text = results.table(measurement)
    assert "before: thermal_status 0" in text
    assert "small_float32, 1 thread: ADD 60.0 %, 1.200 ms" in text
    assert "small_float32 (baseline)" in text


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, "1 thread"),
        ({"threads": 2}, "2 threads"),
        ({"accelerator": "gpu", "threads": 4}, "gpu"),
        ({"api": "compiled"}, "compiled, 1 thread"),
        ({"api": "compiled", "accelerator": "npu"}, "compiled, npu"),
        ({"accelerator": "cpu_builtin"}, "cpu_builtin, 1 thread"),
    ],
)
def test_configuration(changes, expected):
    assert dataclasses.replace(_RESULT, **changes).configuration == expected


def test_a_clock_too_coarse_for_a_ratio():
    table = results.table(_measurement({"median_ms": 0.0}, {"model": "other"}))
    assert "other" in table and "ratio" not in table

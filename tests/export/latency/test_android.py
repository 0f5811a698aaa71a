import os
import signal
import types

import pytest

from keras_mvit.export.latency import (
    android,
    benchmark_output,
    model_files,
    results,
)
from keras_mvit.export.latency.benchmark_command import Configuration
from tests.export.latency import recorded, tiny_file
from tests.export.latency.fake_adb import SERIAL, FakeAdb
from tests.export.latency.test_benchmark_command import elf


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return FakeAdb(tmp_path)


@pytest.fixture
def binary(tmp_path):
    path = tmp_path / "benchmark_model"
    path.write_bytes(elf(183))
    return str(path)


@pytest.fixture
def files(tmp_path):
    return [
        tiny_file.write(tmp_path / f"small_{name}.tflite", name)
        for name in ("float32", "int8")
    ]


def _runs(fake):
    return [line for line in fake.log() if "--graph=" in line]


def _removed(fake):
    """Whether the folder that was made is removed."""
    (made,) = [line for line in fake.log() if "mkdir" in line]
    folder = made.split("mkdir ")[1].split()[0]
    assert folder.startswith("/data/local/tmp/keras_mvit_")
    return any(f"rm -rf {folder} " in line for line in fake.log())


def test_measurement(fake, binary, files):
    configurations = [Configuration(threads=n, core_mask="f0") for n in (1, 4)]
    measurement = android.measure(
        files, binary, configurations, runs=50, warmup_runs=5, op_profile=True
    )
    assert measurement.target == "android"
    assert measurement.device == {
        "name": "Google Pixel 8",
        "cores": 9,
        "os": "Android 15",
        "runtime": "LiteRT benchmark_model, interpreter",
        "soc": "Google Tensor G3",
        "build": "BP1A.250305.019",
        "abi": "arm64-v8a",
    }
    state = {
        "battery_temperature_c": 28.4,
        "battery_percent": 83,
        "charging": True,
        "thermal_status": 1,
    }
    assert measurement.conditions == {"before": state, "after": state}
    pairs = [(r.threads, r.model) for r in measurement.results]
    assert pairs == [
        (1, "small_float32"),
        (1, "small_int8"),
        (4, "small_float32"),
        (4, "small_int8"),
    ]
    result = measurement.results[0]
    assert result.sha256 == model_files.describe(files[0]).sha256
    assert (result.median_ms, result.p95_ms, result.p90_ms) == (
        6.03,
        6.48,
        None,
    )
    assert result.op_profile[0]["op"] == "Fully Connected (NC, F32) GEMM"


def test_files_take_turns_and_are_removed(fake, binary, files):
    android.measure(files, binary, [Configuration(core_mask="f0")])
    names = [line.split(".tflite")[0][-7:] for line in _runs(fake)]
    assert names == ["model_0", "model_1"] * android.ROUNDS
    assert all(f"-s {SERIAL} shell taskset f0 " in x for x in _runs(fake))
    pushed = [line for line in fake.log() if " push " in line]
    assert len(pushed) == 3
    assert _removed(fake)


def test_the_serial_is_not_recorded(fake, binary, files):
    measurement = android.measure(files[:1], binary, [Configuration()])
    assert SERIAL not in str(measurement)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("output", "Segmentation fault\n", "float32.* on cpu: .*Segmentation"),
        ("output", recorded.OLD, "small_float32 on cpu: .*no median"),
        ("push_error", "adb: error: No space left on device\n", "is full"),
        ("mkdir_error", "mkdir: No space left", "Cannot write to the device"),
    ],
)
def test_files_are_removed_after_an_error(
    fake, binary, files, name, text, message
):
    fake.set(name, text)
    with pytest.raises(ValueError, match=message):
        android.measure(files, binary, [Configuration()])
    assert _removed(fake)


# Python does not wait for the process that Ctrl-C ended.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_files_are_removed_after_ctrl_c(fake, binary, files):
    fake.set("interrupt", "")
    before = signal.default_int_handler
    # Whoever runs the tests in the background has Ctrl-C ignored.
    inherited = signal.signal(signal.SIGINT, before)
    try:
        with pytest.raises(KeyboardInterrupt):
            android.measure(files, binary, [Configuration()])
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert len(_runs(fake)) == 1
    assert _removed(fake)
    assert "pkill -f '[k]eras_mvit_" in fake.log()[-1]


def test_what_stays_is_named(fake, binary, files, capsys, monkeypatch):
    def lose(text):
        fake.set("lost", f"adb: device '{SERIAL}' not found\n")
        raise ValueError("no figures")

    monkeypatch.setattr(android.benchmark_output, "parse", lose)
    with pytest.raises(ValueError, match="no figures"):
        android.measure(files, binary, [Configuration()])
    said = capsys.readouterr().err
    assert "/data/local/tmp/keras_mvit_" in said
    assert "stays on the device" in said


def test_a_device_that_is_lost_after_the_last_round(
    fake, binary, files, monkeypatch
):
    runs = []

    def parse(text):
        runs.append(text)
        if len(runs) == android.ROUNDS:
            fake.set("lost", f"adb: device '{SERIAL}' not found\n")
        return benchmark_output.parse(text)

    monkeypatch.setattr(
        android, "benchmark_output", types.SimpleNamespace(parse=parse)
    )
    measurement = android.measure(files[:1], binary, [Configuration()])
    assert measurement.device["name"] == "Google Pixel 8"
    assert measurement.conditions["before"]["battery_percent"] == 83
    assert measurement.conditions["after"] == {}
    assert "after: unknown" in results.table(measurement)


def test_a_tool_that_stops_early(fake, binary, files):
    with pytest.raises(ValueError, match="float32 on cpu: it made 100 of 101"):
        android.measure(files, binary, [Configuration()], runs=101)


def test_an_accelerator_that_takes_nothing(fake, binary, files):
    fake.set("output", recorded.NONE + recorded.TIMED)
    with pytest.raises(ValueError, match="on gpu: it takes none"):
        android.measure(files, binary, [Configuration(accelerator="gpu")])
    fake.set("output", recorded.GPU)
    configurations = [Configuration(accelerator="gpu")]
    results = android.measure(files, binary, configurations).results
    assert [r.configuration for r in results] == ["gpu", "gpu"]


def test_nothing_is_copied_before_all_is_checked(fake, tmp_path, files):
    path = tmp_path / "other"
    path.write_bytes(elf(62))
    with pytest.raises(ValueError, match="built for x86_64"):
        android.measure(files, str(path), [Configuration()])
    with pytest.raises(ValueError, match="Cannot read nowhere"):
        android.measure(["nowhere"], str(path), [Configuration()])
    with pytest.raises(ValueError, match="runs are 0"):
        android.measure(files, str(path), [Configuration()], runs=0)
    with pytest.raises(ValueError, match="No accelerator was named"):
        android.measure(files, str(path), [])
    assert not [line for line in fake.log() if "push" in line]


def test_a_phone_that_tells_less(fake, binary, files):
    fake.set("getprop", "[ro.product.cpu.abilist]: [arm64-v8a]\n")
    fake.set("battery", "Can't find service: battery\n")
    fake.set("thermal", "Can't find service: thermalservice\n")
    measurement = android.measure(files, binary, [Configuration()])
    assert measurement.device["name"] == "unknown unknown"
    assert measurement.conditions["before"] == {
        "battery_temperature_c": None,
        "battery_percent": None,
        "charging": False,
        "thermal_status": None,
    }

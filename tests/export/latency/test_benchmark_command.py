import shlex

import pytest

from keras_mvit.export.latency.benchmark_command import (
    ACCELERATORS,
    Configuration,
    check_binary,
    command,
)


def elf(machine):
    """The start of a program for a machine."""
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + bytes(44)


def test_cpu():
    words = shlex.split(command("/d", "m.tflite", Configuration(), 50, 5))
    assert words == [
        "/d/benchmark_model",
        "--graph=/d/m.tflite",
        "--num_threads=1",
        "--num_runs=50",
        "--warmup_runs=5",
        "--min_secs=0",
        "--warmup_min_secs=0",
        "--max_secs=3600",
        "--use_xnnpack=true",
    ]


def test_cores_and_profile():
    line = command("/d", "m", Configuration(core_mask="F0"), 1, 1, profile=True)
    assert line.startswith("taskset F0 /d/benchmark_model ")
    assert line.endswith(" --enable_op_profiling=true")


@pytest.mark.parametrize(
    "api, accelerator, flag",
    [
        (api, accelerator, flag)
        for api, row in ACCELERATORS.items()
        for accelerator, flag in row.items()
    ],
)
def test_each_accelerator_has_its_flag(api, accelerator, flag):
    chosen = Configuration(api, accelerator, threads=4)
    words = command("/d", "m", chosen, 1, 1, profile=True).split()
    assert flag in words
    assert "--num_threads=4" in words
    assert ("--use_profiler=true" in words) == (api == "compiled")


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"api": "c"}, "api is 'c'; expected interpreter or compiled"),
        ({"accelerator": "tpu"}, "'tpu'; the interpreter tool has cpu, cpu_b"),
        ({"api": "compiled", "accelerator": "nnapi"}, "compiled tool has cpu"),
        ({"core_mask": "0xf0"}, "core_mask is '0xf0'; expected hexadecimal"),
        ({"core_mask": "00"}, "core_mask is '00'"),
        ({"core_mask": "f; reboot"}, "core_mask"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_wrong_configurations(fields, message):
    with pytest.raises(ValueError, match=message):
        Configuration(**fields)


def test_a_binary_that_fits(tmp_path):
    (tmp_path / "tool").write_bytes(elf(183))
    check_binary(tmp_path / "tool", ["arm64-v8a", "armeabi-v7a"])
    (tmp_path / "tool").write_bytes(elf(40))
    check_binary(tmp_path / "tool", ["arm64-v8a", "armeabi-v7a"])


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "cannot be read: No such file"),
        (b"", "not a program"),
        (b"#!/bin/sh\nexit 0\n        ", "not a program"),
        (elf(62), "built for x86_64; the device runs arm64-v8a"),
        (elf(243), "built for machine 243"),
    ],
)
def test_a_binary_that_does_not(tmp_path, content, message):
    path = tmp_path / "tool"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        check_binary(str(path), ["arm64-v8a"])

import csv
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

EPOCHS = 5
KILLS = 20


def start(workdir, *flags, **kwargs):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.training.tiny_model",
            "--recipe=finetune",
            "--save_every=3",
            f"--workdir={workdir}",
            f"--epochs={EPOCHS}",
            *flags,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )


def run_to_the_end(workdir, *flags):
    process = start(workdir, *flags)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def end_state(workdir):
    """All weights, bit by bit, and the curve without its times."""
    with np.load(workdir / "checkpoint.npz") as file:
        arrays = {k: file[k].tobytes() for k in file.files if k != "progress"}
        assert json.loads(str(file["progress"]))["progress"] is None
    with open(workdir / "history.csv") as file:
        rows = list(csv.DictReader(file))
    return arrays, [
        {k: v for k, v in row.items() if not k.endswith(("seconds", "second"))}
        for row in rows
    ]


def check_same_end(workdir, whole):
    arrays, rows = end_state(workdir)
    expected_arrays, expected_rows = whole
    differing = [k for k in expected_arrays if arrays[k] != expected_arrays[k]]
    assert not differing and arrays.keys() == expected_arrays.keys()
    assert len(rows) == len(expected_rows) == EPOCHS
    for row, expected in zip(rows, expected_rows, strict=True):
        # Means over the parts of an epoch are added up in another order.
        assert {k: float(v) for k, v in row.items()} == pytest.approx(
            {k: float(v) for k, v in expected.items()}, rel=1e-5
        )


def wait_for_a_checkpoint(workdir, process):
    while not (workdir / "checkpoint_previous.npz").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    start_time = time.monotonic()
    run_to_the_end(workdir)
    return end_state(workdir), time.monotonic() - start_time


@pytest.mark.large
def test_killed_at_any_moment_the_end_is_the_same(tmp_path, whole):
    expected, seconds = whole
    moments = np.random.default_rng(0).uniform(0, 1.1 * seconds, 10 * KILLS)
    kills = runs = 0
    for moment in moments:
        workdir = tmp_path / f"run{runs}"
        process = start(workdir)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            if kills == KILLS:
                break
        else:  # it came to its end before
            check_same_end(workdir, expected)
            runs += 1
    assert kills == KILLS
    run_to_the_end(workdir)
    check_same_end(workdir, expected)


@pytest.mark.large
@pytest.mark.parametrize(
    "number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_signal_saves_and_ends(tmp_path, whole, number, status):
    workdir = tmp_path / "run"
    process = start(workdir, "--save_every=0")
    wait_for_a_checkpoint(workdir, process)
    time.sleep(0.2)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert re.search("SIG(TERM|INT): (saving after this step|ending)", output)
    assert "Traceback" not in output
    run_to_the_end(workdir)
    check_same_end(workdir, whole[0])


@pytest.mark.large
def test_a_full_disk_stops_the_run_and_nothing_is_lost(tmp_path, whole):
    workdir = tmp_path / "run"
    process = start(workdir)
    wait_for_a_checkpoint(workdir, process)
    process.kill()
    process.communicate()
    before = sorted(os.listdir(workdir))
    limit = (4096, 4096)  # bytes that a file may have
    process = start(
        workdir,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Error: " in output and "Traceback" not in output
    assert sorted(os.listdir(workdir)) == before
    run_to_the_end(workdir)
    check_same_end(workdir, whole[0])


@pytest.mark.large
def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    workdir = tmp_path / "run"
    first = start(workdir)
    wait_for_a_checkpoint(workdir, first)
    first.send_signal(signal.SIGSTOP)  # or it might end before the second asks
    try:
        second = start(workdir)
        output, _ = second.communicate(timeout=60)
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
    assert second.returncode == 1
    assert "Another process is training in" in output
    assert first.returncode == 0


@pytest.mark.large
def test_another_end_would_be_noticed(tmp_path, whole):
    workdir = tmp_path / "run"
    process = start(workdir, "--seed=1")
    process.communicate(timeout=300)
    with pytest.raises(AssertionError):
        check_same_end(workdir, whole[0])


@pytest.mark.large
def test_a_quantization_aware_run_killed_ends_the_same(tmp_path):
    initial = tmp_path / "initial"
    run_to_the_end(initial)
    flags = ["--quantize_aware", f"--init_workdir={initial}"]
    flags += ["--batch_size=32", "--recipe=auto"]
    start_time = time.monotonic()
    run_to_the_end(tmp_path / "whole", *flags)
    seconds = time.monotonic() - start_time
    whole = end_state(tmp_path / "whole")
    kills = 0
    for share in (0.5, 0.6, 0.7, 0.8, 0.9):
        process = start(tmp_path / "run", *flags)
        try:
            process.communicate(timeout=share * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
    assert kills
    run_to_the_end(tmp_path / "run", *flags)
    check_same_end(tmp_path / "run", whole)
    ranges = [
        (tmp_path / name / "quantization.json").read_bytes()
        for name in ("run", "whole")
    ]
    assert ranges[0] == ranges[1]

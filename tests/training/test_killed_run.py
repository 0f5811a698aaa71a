import csv
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

EPOCHS = 6


def start(workdir):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.training.tiny_model",
            f"--workdir={workdir}",
            f"--epochs={EPOCHS}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_to_the_end(workdir):
    output, _ = start(workdir).communicate(timeout=300)
    with open(workdir / "history.csv") as file:
        return output, list(csv.DictReader(file))


def stop_in_an_epoch(workdir, number, delay):
    process = start(workdir)
    while not (workdir / "checkpoint_previous.npz").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    time.sleep(delay)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run_to_the_end(tmp_path_factory.mktemp("whole") / "run")[1]


def check_same_curve(rows, expected):
    assert [row["epoch"] for row in rows] == [row["epoch"] for row in expected]
    for key in ("steps", "images"):
        assert [r[key] for r in rows] == [r[key] for r in expected]
    for key in ("learning_rate", "loss", "val_loss"):
        np.testing.assert_allclose(
            [float(row[key]) for row in rows],
            [float(row[key]) for row in expected],
            rtol=1e-3,
        )


@pytest.mark.large
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.4, 0.9])
def test_a_killed_run_goes_on_to_the_same_end(tmp_path, whole, delay):
    code, _ = stop_in_an_epoch(tmp_path / "run", signal.SIGKILL, delay)
    assert code == -signal.SIGKILL
    output, rows = run_to_the_end(tmp_path / "run")
    assert "epochs are already trained" in output
    check_same_curve(rows, whole)


@pytest.mark.large
def test_control_c_says_how_to_go_on(tmp_path, whole):
    code, output = stop_in_an_epoch(tmp_path / "run", signal.SIGINT, 0.3)
    assert code == 130
    assert "The same command resumes" in output and "Traceback" not in output
    check_same_curve(run_to_the_end(tmp_path / "run")[1], whole)


@pytest.mark.large
def test_another_curve_would_be_noticed(whole):
    with pytest.raises(AssertionError):
        check_same_curve(whole[:-1], whole)
    with pytest.raises(AssertionError):
        check_same_curve([*whole[:-1], {**whole[-1], "loss": "9"}], whole)

"""Runs of several processes or devices, against those of one."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.training import tiny_model

pytest.importorskip("jax", reason="extra `jax`")
pytestmark = pytest.mark.large

TINY = ("-m", "tests.training.tiny_model")
# Sizes whose batches are even, so that one process has the same: 40 of 32 px,
# 18 of 48 px, 10 of 64 px.
FLAGS = (
    "--recipe=finetune",
    "--image_size=48",
    "--batch_size=18",
    "--min_image_size=32",
    "--max_image_size=64",
    "--num_scales=3",
    "--size_divisor=16",
    "--warmup_epochs=0.5",
    "--learning_rate=0.02",
    "--horizontal_flip=false",
)
LOST = "Another process of this run has ended"
TWO_CPUS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
from tests.training import tiny_model
tiny_model.main()
"""
BRIEF_WAIT = """
from keras_mvit.training import connection
connection.CONNECT_SECONDS = 3
from tests.training import tiny_model
tiny_model.main()
"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder of 140 training and 30 test images, some of each digit."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    for label in range(10):
        chosen = images[labels == label][:17].reshape(-1, 8, 8) * 15
        for index, image in enumerate(chosen.astype(np.uint8)):
            split = "train" if index < 14 else "test"
            path = folder / split / str(label) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.kron(image, np.ones((7, 7), np.uint8))).save(
                path
            )
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The same for all: each backend draws others from the same seed."""
    path = tmp_path_factory.mktemp("weights") / "first.weights.h5"
    model = tiny_model.create_model("", 10, (None, None, 3))
    model.save_weights(path)
    return path


def start(program, workdir, digits, *flags, backend="jax", env=()):
    return subprocess.Popen(
        [
            sys.executable,
            *program,
            *FLAGS,
            f"--workdir={workdir}",
            f"--dataset=folder:{digits}",
            *flags,
        ],
        env={**os.environ, "KERAS_BACKEND": backend, **dict(env)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes, seconds=1800):
    """Waits for all; returns their statuses and what they printed."""
    outputs = [p.communicate(timeout=seconds)[0] for p in processes]
    return [p.returncode for p in processes], outputs


def of_two():
    """Flags by which two processes find each other."""
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
    return f"--coordinator=localhost:{port}", "--num_processes=2"


def start_two(program, workdir, digits, *flags):
    together = of_two()
    return [
        start(
            program, workdir, digits, *flags, *together, f"--process_id={index}"
        )
        for index in range(2)
    ]


def history(workdir):
    with open(workdir / "history.csv") as file:
        return list(csv.DictReader(file))


def check_same_curve(workdir, expected, tolerance=1e-4):
    rows, expected = history(workdir), history(expected)
    for key in ("epoch", "steps", "images"):
        assert [row[key] for row in rows] == [row[key] for row in expected]
    for key in ("learning_rate", "loss", "val_loss"):
        np.testing.assert_allclose(
            [float(row[key]) for row in rows],
            [float(row[key]) for row in expected],
            rtol=tolerance,
        )


@pytest.fixture(scope="module")
def alone(tmp_path_factory, digits, weights):
    """Three epochs by one process on JAX: the work directory."""
    workdir = tmp_path_factory.mktemp("alone")
    flags = ("--epochs=3", f"--weights={weights}", "--dropout_rate=0")
    assert finish(start(TINY, workdir, digits, *flags))[0] == [0]
    return workdir, flags


def test_two_processes_have_the_curve_of_one(tmp_path, digits, alone):
    expected, flags = alone
    statuses, outputs = finish(*start_two(TINY, tmp_path, digits, *flags))
    assert statuses == [0, 0], outputs
    check_same_curve(tmp_path, expected)
    assert "epoch 3/3" in outputs[0] and "epoch 3/3" not in outputs[1]
    assert not re.search("oneDNN|xla_bridge", "".join(outputs))  # chatter
    sizes = {
        int(row["images"]) // int(row["steps"]) for row in history(expected)
    }
    assert len(sizes) > 1  # epochs of other steps: several sizes


def test_another_seed_would_be_noticed(tmp_path, digits, alone):
    expected, flags = alone
    finish(start(TINY, tmp_path, digits, *flags, "--seed=1"))
    with pytest.raises(AssertionError):
        check_same_curve(tmp_path, expected)


def test_several_devices_of_one_process(tmp_path, digits, alone):
    expected, flags = alone
    two_cpus = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    process = start(TINY, tmp_path, digits, *flags, env=two_cpus)
    assert finish(process)[0] == [0]
    check_same_curve(tmp_path, expected)


def wait_for_a_save(workdir, processes):
    """Until a checkpoint is newer than now."""
    begin, path = time.time(), workdir / "checkpoint.npz"
    while not (path.exists() and path.stat().st_mtime > begin):
        assert all(p.poll() is None for p in processes), finish(*processes)
        time.sleep(0.02)


def test_whatever_ends_a_run_the_same_commands_resume(tmp_path, digits, alone):
    expected, flags = alone
    flags = (*flags, "--save_every=1")
    for victim, number in (
        (1, signal.SIGKILL),
        (0, signal.SIGKILL),
        (1, signal.SIGTERM),
    ):
        processes = start_two(TINY, tmp_path, digits, *flags)
        wait_for_a_save(tmp_path, processes)
        processes[victim].send_signal(number)
        if number == signal.SIGTERM:
            assert finish(*processes)[0] == [143, 143]
            continue
        (status,), (output,) = finish(processes[1 - victim], seconds=60)
        assert status == 75 and LOST in output.splitlines()[-1]
        finish(processes[victim])
    statuses, outputs = finish(*start_two(TINY, tmp_path, digits, *flags))
    assert statuses == [0, 0], outputs
    assert "Going on" in outputs[0] or "already trained" in outputs[0]
    check_same_curve(tmp_path, expected)


def test_a_process_that_hangs_is_as_good_as_lost(tmp_path, digits, alone):
    processes = start_two(TINY, tmp_path, digits, *alone[1])
    wait_for_a_save(tmp_path, processes)
    processes[1].send_signal(signal.SIGSTOP)
    (status,), (output,) = finish(processes[0], seconds=60)
    assert status == 75 and LOST in output
    processes[1].kill()
    finish(processes[1])


def test_all_processes_need_the_same_flags(tmp_path, digits):
    together = of_two()
    processes = [
        start(
            TINY,
            tmp_path,
            digits,
            *together,
            f"--process_id={i}",
            f"--seed={i}",
        )
        for i in range(2)
    ]
    statuses, outputs = finish(*processes)
    # The other says the same, unless it hears first that the chief is gone.
    assert statuses[0] == 1 and statuses[1] in (1, 75)
    assert "seed is 0 in process 0 and 1 in process 1" in outputs[0]


def test_one_that_fails_alone_ends_all(tmp_path, digits):
    together = of_two()
    processes = [
        start(TINY, tmp_path, folder, *together, f"--process_id={i}")
        for i, folder in enumerate((digits, "/nowhere"))
    ]
    statuses, outputs = finish(*processes, seconds=120)
    assert statuses == [75, 1], outputs
    assert "Error: " in outputs[1] and "/nowhere" in outputs[1]
    assert LOST in outputs[0]


def test_a_process_that_does_not_come_is_missed(tmp_path, digits):
    together = of_two()
    first = start(
        ("-c", BRIEF_WAIT), tmp_path, digits, *together, "--process_id=0"
    )
    (status,), (output,) = finish(first)
    assert status == 75
    assert "not all 2 processes came" in output.splitlines()[-1]


def test_mirrored_has_the_curve_of_one_device(tmp_path, digits):
    # Without batch normalization: each device normalizes by its own images.
    flags = ("--epochs=2", "--model=mobilevit_xs", "--dropout_rate=0")
    one = start(TINY, tmp_path / "one", digits, *flags, backend="tensorflow")
    assert finish(one)[0] == [0]
    two = start(
        ("-c", TWO_CPUS),
        tmp_path / "two",
        digits,
        *flags,
        "--distribute=mirrored",
        backend="tensorflow",
    )
    (status,), (output,) = finish(two)
    assert status == 0, output
    check_same_curve(tmp_path / "two", tmp_path / "one")


def test_jax_has_the_curve_of_tensorflow(tmp_path, digits, alone):
    expected, flags = alone
    flags += ("--whole_batches",)  # on JAX the default
    process = start(TINY, tmp_path, digits, *flags, backend="tensorflow")
    assert finish(process)[0] == [0]
    check_same_curve(tmp_path, expected, 1e-3)

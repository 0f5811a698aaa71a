"""Latency of LiteRT files on this machine, by the interpreter and XNNPACK."""

import glob
import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import subprocess
import sys
import time

import numpy as np
import tqdm

from keras_mvit.export import flatbuffer
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.latency import probe
from keras_mvit.export.latency.results import Measurement, Result

RUNS_PER_TURN = 5
_PROBES = 3


def find_models(patterns):
    """Lists LiteRT files, float32 ones first in each folder.

    Args:
        patterns: list of str. Files, folders, or patterns such as `*.tflite`.

    Returns:
        list of paths.

    Raises:
        ValueError: nothing is there, or it is not a LiteRT file.
    """
    paths = []
    for pattern in patterns:
        if os.path.isdir(pattern):
            pattern = os.path.join(glob.escape(pattern), "*.tflite")
        found = [pattern] if os.path.isfile(pattern) else glob.glob(pattern)
        if not found:
            raise ValueError(f"There is no LiteRT file {pattern}")
        found.sort(key=lambda path: ("_float32" not in path, path))
        paths += found
    if not paths:
        raise ValueError("No models were named")
    return list(dict.fromkeys(paths))


def measure(paths, threads=(1,), runs=100, warmup_runs=10, seed=0):
    """Measures files against each other.

    All files are loaded at once and take turns, so that whatever else the
    machine does meets all of them alike. A turn is one run that is not timed,
    because the one before left its own data in the caches, and
    `RUNS_PER_TURN` that are.

    Args:
        paths: list of str. LiteRT files.
        threads: list of int. Each file is measured with each of them.
        runs: int. Timed runs of each.
        warmup_runs: int. Runs of each before the first timed one.
        seed: int. Of the random inputs.

    Returns:
        Measurement.

    Raises:
        ValueError: a number below 1, or a file that cannot be run.
    """
    if runs < 1 or warmup_runs < 0 or not threads or min(threads) < 1:
        raise ValueError(
            f"threads are {list(threads)}, runs {runs}, warmup_runs"
            f" {warmup_runs}; expected at least 1, 1 and 0"
        )
    pairs = list(itertools.product(threads, paths))
    models = [_load(path, count, seed) for count, path in pairs]
    for model in models:
        for _ in range(warmup_runs):
            model.invoke()
    times_ms = _take_turns(models, runs)
    results = []
    bar = tqdm.tqdm(pairs, "Starting afresh", leave=False, disable=None)
    for (count, path), model, times in zip(bar, models, times_ms, strict=True):
        results.append(_result(path, count, model.num_partitions, times))
    settings = {
        "runs": runs,
        "warmup_runs": warmup_runs,
        "runs_per_turn": RUNS_PER_TURN,
        "seed": seed,
    }
    return Measurement("host", device(), settings, results)


def device():
    """Names this machine and its runtime, as a dict."""
    version = importlib.metadata.version("ai-edge-litert")
    return {
        "name": _cpu_name(),
        "cores": os.cpu_count(),
        "os": platform.platform(terse=True),
        "runtime": f"LiteRT {version} interpreter, XNNPACK",
    }


def _load(path, num_threads, seed):
    with open(path, "rb") as file:
        content = file.read()
    try:
        flatbuffer.read_model(content)
        model = LiteRTModel(content, num_threads)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    model.set_random_inputs(np.random.default_rng(seed))
    return model


def _take_turns(models, runs):
    """Returns the times of `runs` runs of each model, in ms."""
    times_ms = [[] for _ in models]
    turns = -(-runs // RUNS_PER_TURN)
    for _ in tqdm.trange(turns, desc="Measuring", leave=False, disable=None):
        for model, times in zip(models, times_ms, strict=True):
            model.invoke()
            for _ in range(min(RUNS_PER_TURN, runs - len(times))):
                start = time.perf_counter_ns()
                model.invoke()
                times.append((time.perf_counter_ns() - start) / 1e6)
    return times_ms


def _result(path, threads, num_partitions, times_ms):
    with open(path, "rb") as file:
        content = file.read()
    return Result(
        model=os.path.basename(path).removesuffix(".tflite"),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        threads=threads,
        median_ms=float(np.median(times_ms)),
        p90_ms=float(np.percentile(times_ms, 90)),
        min_ms=float(np.min(times_ms)),
        mean_ms=float(np.mean(times_ms)),
        num_partitions=num_partitions,
        **_probe(path, threads),
    )


def _probe(path, threads):
    """Returns the medians of what fresh processes say about a file."""
    command = [sys.executable, probe.__file__, path, str(threads)]
    answers = []
    for _ in range(_PROBES):
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            raise ValueError(f"{path} cannot be run: {process.stderr[-500:]}")
        answers.append(json.loads(process.stdout.splitlines()[-1]))
    return {
        key: None
        if answers[0][key] is None
        else float(np.median([answer[key] for answer in answers]))
        for key in answers[0]
    }


def _cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""Latency of LiteRT files on this machine, by XNNPACK."""

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

from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.latency import model_files, probe
from keras_mvit.export.latency.compiled import CompiledModel
from keras_mvit.export.latency.results import Measurement, Result, statistics
from keras_mvit.quiet import quiet

APIS = ("interpreter", "compiled")
RUNS_PER_TURN = 5
_PROBES = 3


def measure(
    paths, threads=(1,), runs=100, warmup_runs=10, seed=0, apis=("interpreter",)
):
    """Measures files against each other.

    All files are loaded at once and take turns, so that whatever else the
    machine does meets all of them alike. A turn is one run that is not timed,
    because the one before left its own data in the caches, and
    `RUNS_PER_TURN` that are.

    Args:
        paths: list of str, or one. LiteRT files.
        threads: list of int, or one. Each file is measured with each of them.
        runs: int. Timed runs of each.
        warmup_runs: int. Runs of each before the first timed one.
        seed: int, at least 0. Of the random inputs.
        apis: list of str. LiteRT's "interpreter", "compiled" (CompiledModel)
            or both.

    Returns:
        Measurement.

    Raises:
        ValueError: a number below 1, another API, or a file that cannot be
            run.
    """
    threads = [threads] if isinstance(threads, int) else threads
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected at least 0")
    if runs < 1 or warmup_runs < 0 or not threads or min(threads) < 1:
        raise ValueError(
            f"threads are {list(threads)}, runs {runs}, warmup_runs"
            f" {warmup_runs}; expected at least 1, 1 and 0"
        )
    if not apis or not set(apis) <= set(APIS):
        raise ValueError(f"apis are {list(apis)}; expected {' or '.join(APIS)}")
    files = model_files.describe_all(paths)
    cases = list(itertools.product(apis, threads, files))
    models = [_load(*case, seed) for case in cases]
    for model in models:
        for _ in range(warmup_runs):
            model.invoke()
    times_ms = take_turns(models, runs)
    bar = tqdm.tqdm(cases, "Starting afresh", leave=False, disable=None)
    results = [
        _result(*case, model.num_partitions, times)
        for case, model, times in zip(bar, models, times_ms, strict=True)
    ]
    settings = {
        "runs": runs,
        "warmup_runs": warmup_runs,
        "runs_per_turn": RUNS_PER_TURN,
        "seed": seed,
    }
    return Measurement("host", device(apis), settings, results)


def device(apis=("interpreter",)):
    """Names this machine and its runtime, as a dict."""
    version = importlib.metadata.version("ai-edge-litert")
    return {
        "name": _cpu_name(),
        "cores": os.cpu_count(),
        "os": platform.platform(terse=True),
        "runtime": f"LiteRT {version} {' and '.join(apis)}, XNNPACK",
    }


def _load(api, num_threads, file, seed):
    try:
        if api == "compiled":
            with quiet():  # it looks for NPUs and tells of each
                model = CompiledModel(file.path, num_threads)
        else:
            with open(file.path, "rb") as opened:
                model = LiteRTModel(opened.read(), num_threads)
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}") from error
    model.set_random_inputs(np.random.default_rng(seed))
    return model


def take_turns(models, runs):
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


def _result(api, threads, file, num_partitions, times_ms):
    return Result(
        **file.fields(),
        **statistics(times_ms),
        **_probe(api, threads, file.path),
        threads=threads,
        num_partitions=num_partitions,
        api=api,
    )


def _probe(api, threads, path):
    """Returns the medians of what fresh processes say about a file."""
    command = [sys.executable, probe.__file__, path, str(threads), api]
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

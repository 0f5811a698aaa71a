"""Measures the latency of LiteRT files: here, on a phone, in a browser.

    python -m keras_mvit.export.measure_latency \
        --models=runs/demo/export --threads=1,2 --output=latency.json

    python -m keras_mvit.export.measure_latency --target=android \
        --benchmark_binary=benchmark_model --models=runs/demo/export \
        --threads=1,4 --core_mask=f0 --output=latency_android.json

    python -m keras_mvit.export.measure_latency --target=browser \
        --models=runs/demo/export --output=latency_browser.json

Devices differ and are never quiet: trust the ratios within one run.
"""

import functools
import os
import tempfile

from absl import app, flags

from keras_mvit import console
from keras_mvit.export.latency import (
    android,
    baselines,
    browser,
    host,
    model_files,
    results,
)
from keras_mvit.export.latency.benchmark_command import Configuration

_MODELS = flags.DEFINE_list(
    "models", None, "LiteRT files, folders or patterns, by commas."
)
_TARGET = flags.DEFINE_enum(
    "target", "host", ["host", "android", "browser"], "Where to measure."
)
_THREADS = flags.DEFINE_list("threads", ["1"], "Numbers of threads.")
_RUNS = flags.DEFINE_integer("runs", 100, "Timed runs of each.")
_WARMUP_RUNS = flags.DEFINE_integer("warmup_runs", 10, "Runs before them.")
_API = flags.DEFINE_list(
    "api",
    ["interpreter"],
    "interpreter, compiled (CompiledModel) or, on the host, both. On Android"
    " it tells which of the two tools --benchmark_binary is.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the random inputs, on the host.")
_ACCELERATORS = flags.DEFINE_list(
    "accelerators",
    ["cpu"],
    "cpu (XNNPACK) or gpu; on Android also cpu_builtin, nnapi, npu.",
)
_SERIAL = flags.DEFINE_string("serial", None, "Android device, if several.")
_BENCHMARK_BINARY = flags.DEFINE_string(
    "benchmark_binary", None, "LiteRT's benchmark_model for the device."
)
_CORE_MASK = flags.DEFINE_string(
    "core_mask", None, "Hexadecimal: cores to run on, f0 for 4 to 7."
)
_OP_PROFILE = flags.DEFINE_bool(
    "op_profile", False, "On Android: run once more and time each operator."
)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Address to serve the page on; 0.0.0.0: all."
)
_PORT = flags.DEFINE_integer("port", 0, "Of the page; 0: a free one.")
_LITERTJS_DIR = flags.DEFINE_string(
    "litertjs_dir", None, "Where LiteRT.js is; by default npm fetches it."
)
_BASELINES = flags.DEFINE_list(
    "baselines",
    [],
    f"Stock models to measure beside: {', '.join(baselines.MODELS)}.",
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
flags.mark_flag_as_required("models")

_TARGETS_OF = {
    "seed": ["host"],
    "accelerators": ["android", "browser"],
    "serial": ["android"],
    "benchmark_binary": ["android"],
    "core_mask": ["android"],
    "op_profile": ["android"],
    "api": ["host", "android"],
    "host": ["browser"],
    "port": ["browser"],
    "litertjs_dir": ["browser"],
}

_MAX_THREADS = 256


def main(argv):
    """Measures what the flags say and prints a table."""
    del argv
    for name, targets in _TARGETS_OF.items():
        if flags.FLAGS[name].present and _TARGET.value not in targets:
            raise ValueError(
                f"--{name} goes with --target={' or '.join(targets)}"
            )
    _check_output(_OUTPUT.value)
    paths = model_files.find_models(_MODELS.value)
    targets = {"host": _host, "android": _android, "browser": _browser}
    measure = targets[_TARGET.value]()  # before what takes long
    beside = baselines.export(_BASELINES.value)
    measurement = measure(paths + beside)
    measurement = baselines.mark(measurement, beside)
    print(results.table(measurement))  # first: a disk may have become full
    if _OUTPUT.value is not None:
        results.write(_OUTPUT.value, measurement)


def _host():
    return functools.partial(
        host.measure,
        threads=_threads(_THREADS.value),
        runs=_RUNS.value,
        warmup_runs=_WARMUP_RUNS.value,
        seed=_SEED.value,
        apis=_API.value,
    )


def _android():
    if _BENCHMARK_BINARY.value is None:
        raise ValueError(
            "--target=android needs --benchmark_binary; docs/export.md says"
            " where to get it"
        )
    if len(_API.value) != 1:
        raise ValueError(
            f"--api is {','.join(_API.value)}; one binary is of one api"
        )
    configurations = []
    for accelerator in _ACCELERATORS.value:
        counts = _threads(_THREADS.value)
        if not accelerator.startswith("cpu"):
            counts = counts[:1]  # of the operators that it does not take
        configurations += [
            Configuration(_API.value[0], accelerator, count, _CORE_MASK.value)
            for count in counts
        ]
    return functools.partial(
        android.measure,
        binary=_BENCHMARK_BINARY.value,
        configurations=configurations,
        serial=_SERIAL.value,
        runs=_RUNS.value,
        warmup_runs=_WARMUP_RUNS.value,
        op_profile=_OP_PROFILE.value,
    )


def _browser():
    return functools.partial(
        browser.measure,
        threads=_threads(_THREADS.value),
        runs=_RUNS.value,
        warmup_runs=_WARMUP_RUNS.value,
        accelerators=_ACCELERATORS.value,
        host=_HOST.value,
        port=_PORT.value,
        litertjs_dir=_LITERTJS_DIR.value,
    )


def _check_output(path):
    """Finds before the measurement that a file cannot be written after it."""
    if path is None:
        return
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    try:
        if not path or os.path.isdir(path):
            raise IsADirectoryError(f"{path!r} is a folder")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"--output is {path!r}; expected the path of a file in a folder"
            f" that can be written to: {error.strerror or error}"
        ) from error


def _threads(values):
    numbers = [int(value) for value in values if value.isdecimal()]
    if not values or len(numbers) < len(values) or max(numbers) > _MAX_THREADS:
        raise ValueError(
            f"--threads is {','.join(values)!r}; expected numbers such as 1,2,"
            f" up to {_MAX_THREADS}"
        )
    return numbers


def run():
    """Entry point of the console script."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

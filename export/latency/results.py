"""What a measurement of latency yields: one schema for every target."""

import dataclasses
import json

import numpy as np

from keras_mvit import console
from keras_mvit.files import write_json


@dataclasses.dataclass(frozen=True)
class Result:
    """Latency of one file in one configuration.

    None stands for what a target does not tell.

    Args:
        model: str. File name without `.tflite`.
        sha256: str. Of the file.
        size_bytes: int. Of the file.
        threads: int.
        median_ms, min_ms, mean_ms: float. Of one inference.
        p90_ms: float or None. The 90th percentile.
        init_ms: float. Loading the file in a fresh process, weights packed.
        first_run_ms: float. The first inference after that.
        peak_memory_mib: float or None. What that process grew by at most.
        num_partitions: int or None. Pieces of the graph that the delegate
            took; 1 is ideal, between two of them the interpreter runs what it
            could not take.
        accelerator: str. "cpu" (XNNPACK), "gpu" or another of the target's.
        api: str. LiteRT's "interpreter" or "compiled" (CompiledModel).
        p95_ms, max_ms, std_ms: float or None.
        op_profile: list of dicts or None. Time of each kind of operator:
            `op`, `count`, `mean_ms`, `percent`.
        is_baseline: bool. Whether it is a stock model measured beside.
    """

    model: str
    sha256: str
    size_bytes: int
    threads: int
    median_ms: float
    p90_ms: float | None
    min_ms: float
    mean_ms: float
    init_ms: float
    first_run_ms: float
    peak_memory_mib: float | None
    num_partitions: int | None
    accelerator: str = "cpu"
    api: str = "interpreter"
    p95_ms: float | None = None
    max_ms: float | None = None
    std_ms: float | None = None
    op_profile: list | None = None
    is_baseline: bool = False

    @property
    def configuration(self):
        """How the file was run, in words: "gpu", "compiled, 2 threads"."""
        words = [] if self.api == "interpreter" else [self.api]
        if self.accelerator != "cpu":
            words.append(self.accelerator)
        if self.accelerator in _CPU:
            plural = "" if self.threads == 1 else "s"
            words.append(f"{self.threads} thread{plural}")
        return ", ".join(words)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Latencies of several files on one device, measured together.

    Args:
        target: str. "host", "android" or "browser".
        device: dict. What it is: name, cores, os, runtime, and what else the
            target tells.
        settings: dict. How it was measured.
        results: list of Result.
        conditions: dict. Heat and power `before` and `after`, where the
            target tells them; {} where the device was gone by then.
    """

    target: str
    device: dict
    settings: dict
    results: list
    conditions: dict = dataclasses.field(default_factory=dict)

    def by_configuration(self):
        """Groups the results, as a dict of configuration -> list."""
        groups = {}
        for result in self.results:
            groups.setdefault(result.configuration, []).append(result)
        return groups


def statistics(times_ms):
    """Sums up the times of all runs, as keyword arguments of `Result`."""
    return {
        "median_ms": float(np.median(times_ms)),
        "p90_ms": float(np.percentile(times_ms, 90)),
        "p95_ms": float(np.percentile(times_ms, 95)),
        "min_ms": float(np.min(times_ms)),
        "max_ms": float(np.max(times_ms)),
        "mean_ms": float(np.mean(times_ms)),
        "std_ms": float(np.std(times_ms)),
    }


def write(path, measurement):
    """Writes a measurement as JSON; an older file stays until it is whole."""
    write_json(path, dataclasses.asdict(measurement))


def read(path):
    """Reads a measurement.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        fields["results"] = [Result(**row) for row in fields["results"]]
        return Measurement(**fields)
    except OSError as error:
        raise ValueError(f"Cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no latencies: {error!r}") from error


def table(measurement):
    """Lays out a measurement for a terminal.

    The last column is the median over that of the first model of the same
    configuration. Columns of which the target tells nothing are left out.
    """
    rows = []
    for results in measurement.by_configuration().values():
        for result in results:
            row = {header: text(result) for header, text in _COLUMNS.items()}
            rows.append([*row.values(), relative_time(result, results[0])])
    header = [*_COLUMNS, "ratio"]
    kept = [
        i for i in range(len(header)) if any(row[i] != "n/a" for row in rows)
    ]
    body = console.table(
        [header[i] for i in kept], [[row[i] for i in kept] for row in rows]
    )
    return "\n".join([*_title(measurement), body])


def relative_time(result, reference):
    """Median over that of a reference, a str: a coarse clock tells 0 ms."""
    if not reference.median_ms:
        return "n/a"
    return f"{result.median_ms / reference.median_ms:.2f}"


def _title(measurement):
    device = measurement.device
    soc = f" ({device['soc']})" if "soc" in device else ""
    yield (
        f"{measurement.target}: {device['name']}{soc}, {device['cores']}"
        f" cores, {device['os']}, {device['runtime']}"
    )
    for when, state in measurement.conditions.items():
        words = [f"{key} {value}" for key, value in state.items()]
        yield f"{when}: {', '.join(words) or 'unknown'}"
    for result in measurement.results:
        for row in (result.op_profile or [])[:_PROFILE_ROWS]:
            yield (
                f"{result.model}, {result.configuration}: {row['op']}"
                f" {row['percent']:.1f} %, {row['mean_ms']:.3f} ms"
            )


def _fixed(field, digits):
    def text(result):
        value = getattr(result, field)
        return "n/a" if value is None else f"{value:.{digits}f}"

    return text


def _name(result):
    return f"{result.model} (baseline)" if result.is_baseline else result.model


_CPU = ("cpu", "cpu_builtin")
_PROFILE_ROWS = 5
_COLUMNS = {
    "model": _name,
    "run on": lambda result: result.configuration,
    "median ms": _fixed("median_ms", 3),
    "p90": _fixed("p90_ms", 3),
    "p95": _fixed("p95_ms", 3),
    "min": _fixed("min_ms", 3),
    "mean": _fixed("mean_ms", 3),
    "std": _fixed("std_ms", 3),
    "init": _fixed("init_ms", 1),
    "MiB": _fixed("peak_memory_mib", 1),
    "parts": _fixed("num_partitions", 0),
}

"""What a measurement of latency yields: one schema for every target."""

import dataclasses
import json

from keras_mvit import console
from keras_mvit.export import files


@dataclasses.dataclass(frozen=True)
class Result:
    """Latency of one file with one number of threads.

    Args:
        model: str. File name without `.tflite`.
        sha256: str. Of the file.
        size_bytes: int. Of the file.
        threads: int.
        median_ms, p90_ms, min_ms, mean_ms: float. Of one inference.
        init_ms: float. Loading the file in a fresh process, weights packed.
        first_run_ms: float. The first inference after that.
        peak_memory_mib: float or None. What that process grew by at most.
        num_partitions: int. Pieces of the graph that the delegate took; 1 is
            ideal, between two of them the interpreter runs what it could not
            take.
    """

    model: str
    sha256: str
    size_bytes: int
    threads: int
    median_ms: float
    p90_ms: float
    min_ms: float
    mean_ms: float
    init_ms: float
    first_run_ms: float
    peak_memory_mib: float | None
    num_partitions: int


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Latencies of several files on one device, measured together.

    Args:
        target: str. "host"; other kinds of device are other names.
        device: dict. What it is: name, cores, os, runtime.
        settings: dict. How it was measured.
        results: list of Result.
    """

    target: str
    device: dict
    settings: dict
    results: list


def write(path, measurement):
    """Writes a measurement as JSON; an older file stays until it is whole."""
    text = json.dumps(dataclasses.asdict(measurement), indent=2)
    files.write_text(path, text + "\n")


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

    The last column is the median over that of the first model with as many
    threads.
    """
    header = ["model", "threads", "median ms", "p90", "min", "mean", "init"]
    header += ["MiB", "parts", "ratio"]
    first = {}
    rows = []
    for result in measurement.results:
        reference = first.setdefault(result.threads, result.median_ms)
        memory = result.peak_memory_mib
        rows.append(
            [
                result.model,
                str(result.threads),
                f"{result.median_ms:.3f}",
                f"{result.p90_ms:.3f}",
                f"{result.min_ms:.3f}",
                f"{result.mean_ms:.3f}",
                f"{result.init_ms:.1f}",
                "n/a" if memory is None else f"{memory:.1f}",
                str(result.num_partitions),
                f"{result.median_ms / reference:.2f}",
            ]
        )
    device = measurement.device
    title = (
        f"{measurement.target}: {device['name']}, {device['cores']} cores,"
        f" {device['os']}, {device['runtime']}"
    )
    return f"{title}\n{console.table(header, rows)}"

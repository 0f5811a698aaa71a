"""Reads what LiteRT's `benchmark_model` prints."""

import dataclasses
import re

_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: {_NUMBER},"
    rf" First inference: {_NUMBER},.*Inference \(avg\): {_NUMBER}"
)
# Where all runs took the same time, it is printed once.
_STATISTICS = re.compile(
    rf"^(?:INFO: )?count=(\d+) (?:first={_NUMBER} )?curr={_NUMBER}"
    rf"(?: min={_NUMBER} max={_NUMBER} avg=\S+ std={_NUMBER}"
    rf"(?: p5=\S+ median={_NUMBER} p95={_NUMBER})?)?",
    re.MULTILINE,
)
_MEMORY = re.compile(rf"emory footprint.*\(MB\): init=\S+ overall={_NUMBER}")
_KERNELS = re.compile(
    r"Explicitly applied \S+ delegate, and the model graph will be"
    r" (completely|partially) executed by the delegate"
    r"(?: w/ (\d+) delegate kernels)?"
)
_NOT_DELEGATED = "the model graph will not be executed by the delegate"
_REPLACED = re.compile(
    r"Replacing (\d+) out of (\d+) node\(s\) with delegate.*yielding 1 part"
)
_PROFILED_RUNS = "Regular Benchmark Runs"
_PROFILE_TITLE = "Summary by node type"
_PROFILE_ROW = re.compile(
    r"^(?:INFO: )?\s*(\S.*?)\s+(\d+)\s+([\d.]+)\s+([\d.]+)%\s+[\d.]+%",
    re.MULTILINE,
)
# What a device says of a program it cannot start -> what that means.
_NOT_STARTED = {
    "not executable": "the device cannot run this benchmark_binary",
    "Exec format error": "the device cannot run this benchmark_binary",
    "CANNOT LINK EXECUTABLE": "the device lacks what benchmark_binary needs",
    "bad mask": "the device does not have the cores of this core_mask",
    "failed to set": "the device does not have the cores of this core_mask",
    "No space left on device": "the storage of the device is full",
}


@dataclasses.dataclass(frozen=True)
class Figures:
    """What one run of the tool tells.

    Args:
        mean_ms, init_ms, first_run_ms: float.
        min_ms, max_ms, std_ms: float.
        median_ms, p95_ms: float or None. Older builds tell neither.
        peak_memory_mib: float or None. By which the process grew.
        num_partitions: int or None. Pieces of the graph that the delegate
            took; 0: none, None: it did not say.
        runs: int. How many it made.
    """

    mean_ms: float
    init_ms: float
    first_run_ms: float
    min_ms: float
    max_ms: float
    std_ms: float
    median_ms: float | None
    p95_ms: float | None
    peak_memory_mib: float | None
    num_partitions: int | None
    runs: int


def parse(text):
    """Reads the figures.

    Args:
        text: str. All that the tool printed.

    Returns:
        Figures.

    Raises:
        ValueError: it did not run to its end, ignored a flag, or prints
            another form.
    """
    ignored = re.search(r"Unconsumed cmdline flags: (.*\S)", text)
    if ignored:
        raise ValueError(
            f"benchmark_binary does not know {ignored[1]}; is it the tool of"
            " the other api?"
        )
    timings = _TIMINGS.search(text)
    statistics = _STATISTICS.findall(text)
    if timings is None or not statistics:
        raise ValueError(_why_not(text))
    init_us, first_us, mean_us = map(float, timings.groups())
    memory = _MEMORY.search(text)
    return Figures(
        mean_ms=mean_us / 1e3,
        init_ms=init_us / 1e3,
        first_run_ms=first_us / 1e3,
        peak_memory_mib=None if memory is None else float(memory[1]),
        num_partitions=_partitions(text),
        **_spread(statistics[-1]),  # those before it are of the warm-up
    )


def parse_profile(text):
    """Reads the time of each kind of operator.

    Returns:
        list of dicts with `op`, `count`, `mean_ms` (of all of them in one
        run) and `percent`, as the tool orders them.

    Raises:
        ValueError: there is no profile.
    """
    # The first summary is of the initialization; the last one is the finest,
    # it looks inside the delegate.
    _, found, text = text.rpartition(_PROFILED_RUNS)
    _, titled, text = text.rpartition(_PROFILE_TITLE)
    rows = _PROFILE_ROW.findall(text)
    if not (found and titled and rows):
        raise ValueError(f"There is no profile: {_why_not(text)}")
    return [
        {
            "op": op,
            "count": int(count),
            "mean_ms": float(mean_ms),
            "percent": float(percent),
        }
        for op, count, mean_ms, percent in rows
    ]


def _spread(groups):
    runs, *times = groups
    _, same, least, greatest, std, median, p95 = (
        float(value) / 1e3 if value else None for value in times
    )
    if least is None:
        least = greatest = median = p95 = same
        std = 0.0
    return {
        "min_ms": least,
        "max_ms": greatest,
        "std_ms": std,
        "median_ms": median,
        "p95_ms": p95,
        "runs": int(runs),
    }


def _partitions(text):
    if _NOT_DELEGATED in text:
        return 0
    kernels = _KERNELS.search(text)
    if kernels:
        return 1 if kernels[1] == "completely" else int(kernels[2] or 1)
    replaced = _REPLACED.search(text)
    if replaced and replaced[1] == replaced[2]:
        return 1
    return None


def _why_not(text):
    for said, meaning in _NOT_STARTED.items():
        if said in text:
            return f"{meaning}: {_tail(text, 1)}"
    return f"benchmark_model printed an unknown form, ending in {_tail(text)}"


def _tail(text, lines=3):
    return repr("\n".join(text.strip().splitlines()[-lines:])[-400:])

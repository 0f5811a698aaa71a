"""Time, memory, and how they grow."""

import concurrent.futures
import ctypes
import multiprocessing
import multiprocessing.forkserver
import os
import time

import numpy as np

from keras_mvit.quiet import quiet


def warn_if_busy():
    """Print a line where other work on this machine may disturb the times."""
    load, *_ = os.getloadavg()
    if load > 0.5:
        print(f"This machine is busy (load {load:.1f}).")


def interleaved_medians_ms(runners, budget_s, min_rounds=3):
    """Time functions against each other.

    They take turns, so that whatever else the machine does meets all of them
    alike; each is run once untimed before.

    Args:
        runners: dict of any to callable without arguments.
        budget_s: float. Rounds are added until this time is used.
        min_rounds: int. Rounds also where the time is used earlier.

    Returns:
        dict of the same keys to float, ms.
    """
    for run in runners.values():
        run()
    times_ms = {key: [] for key in runners}
    end = time.perf_counter() + budget_s
    rounds = 0
    while rounds < min_rounds or time.perf_counter() < end:
        for key, run in runners.items():
            start = time.perf_counter_ns()
            run()
            times_ms[key].append((time.perf_counter_ns() - start) / 1e6)
        rounds += 1
    return {key: float(np.median(values)) for key, values in times_ms.items()}


def peak_mib(run):
    """Return the memory that `run()` needs on top of what is in use.

    Args:
        run: callable without arguments.

    Returns:
        float, MiB, or None where the system does not tell (not Linux with
        glibc).
    """
    try:
        # What was freed must be given back, or `run` takes that first.
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # sets the peak back to what is in use now
        before = _resident_mib("VmRSS")
    except (AttributeError, OSError, TypeError):
        return None
    run()
    return max(0.0, _resident_mib("VmHWM") - before)


def in_fresh_process(function, *args):
    """Return `function(*args)`, called in a process that has run nothing yet.

    It is a fork of one that has imported TensorFlow and nothing else, so that
    it starts at once, and shares no memory pools with what ran before.

    Args:
        function: callable of a module.
        *args: its arguments; they and the result are pickled.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", function.__module__])
    with quiet():  # the server would keep our screen for its own lines
        multiprocessing.forkserver.ensure_running()
    pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)
    with pool:
        return pool.submit(function, *args).result()


def _resident_mib(field):
    """Read a line of /proc/self/status such as `VmHWM: 1234 kB`."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines[field].split()[0]) / 1024


def exponent(sizes, values):
    """Fit `value = a * size ** exponent` by least squares of logarithms.

    Args:
        sizes: list of float, two at least.
        values: list of float, positive.

    Returns:
        float.
    """
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(slope)

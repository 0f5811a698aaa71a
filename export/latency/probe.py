"""Loads one LiteRT file in a fresh process: its first start and its memory.

    python probe.py MODEL.tflite THREADS interpreter|compiled

Run as a script, so that the process holds the runtime and nothing else; what
a process with other libraries or other models needs says nothing about the
file. Prints JSON.
"""

import json
import sys
import time

import numpy as np


def main(path, num_threads, api):
    """Prints init_ms, first_run_ms and peak_memory_mib of the file."""
    load = {"interpreter": _interpreter, "compiled": _compiled}[api]()
    memory_mib = _memory_mib("VmRSS")
    start = time.perf_counter()
    fill, run = load(path, num_threads)
    init = time.perf_counter() - start
    fill()  # what was in memory before could be slow numbers
    start = time.perf_counter()
    run()
    first_run = time.perf_counter() - start
    run()  # the first allocates what later ones reuse
    if memory_mib is not None:
        memory_mib = _memory_mib("VmHWM") - memory_mib
    answer = {
        "init_ms": init * 1e3,
        "first_run_ms": first_run * 1e3,
        "peak_memory_mib": memory_mib,
    }
    print(json.dumps(answer))


def _interpreter():
    from ai_edge_litert.interpreter import Interpreter

    def load(path, num_threads):
        interpreter = Interpreter(path, num_threads=num_threads)
        interpreter.allocate_tensors()

        def fill():
            for tensor in interpreter.get_input_details():
                zeros = np.zeros(tensor["shape"], tensor["dtype"])
                interpreter.set_tensor(tensor["index"], zeros)

        return fill, interpreter.invoke

    return load


def _compiled():
    # Beside this script; by its full name it would bring Keras along.
    from compiled import CompiledModel

    def load(path, num_threads):
        model = CompiledModel(path, num_threads)
        random = np.random.default_rng(0)
        return lambda: model.set_random_inputs(random), model.invoke

    return load


def _memory_mib(field):
    """Reads a line of /proc/self/status such as `VmHWM: 1234 kB`."""
    # Not resource.getrusage: its peak survives exec, so that it would be the
    # peak of whoever started this process.
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
    except OSError:  # not Linux
        return None
    return int(lines[field].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

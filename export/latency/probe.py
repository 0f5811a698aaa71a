"""Loads one LiteRT file in a fresh process: its first start and its memory.

    python probe.py MODEL.tflite THREADS

Run as a script, so that the process holds the runtime and nothing else; what
a process with other libraries or other models needs says nothing about the
file. Prints JSON.
"""

import json
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(path, num_threads):
    """Prints init_ms, first_run_ms and peak_memory_mib of the file."""
    memory_mib = _memory_mib("VmRSS")
    start = time.perf_counter()
    interpreter = Interpreter(path, num_threads=num_threads)
    interpreter.allocate_tensors()
    init = time.perf_counter() - start
    for tensor in interpreter.get_input_details():
        zeros = np.zeros(tensor["shape"], tensor["dtype"])
        interpreter.set_tensor(tensor["index"], zeros)
    start = time.perf_counter()
    interpreter.invoke()
    first_run = time.perf_counter() - start
    interpreter.invoke()  # the first allocates what later ones reuse
    if memory_mib is not None:
        memory_mib = _memory_mib("VmHWM") - memory_mib
    answer = {
        "init_ms": init * 1e3,
        "first_run_ms": first_run * 1e3,
        "peak_memory_mib": memory_mib,
    }
    print(json.dumps(answer))


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
    main(sys.argv[1], int(sys.argv[2]))

"""Where the time of a LiteRT file goes: each operator alone, summed by kind.

    python -m benchmarks.latency_operators FILE.tflite [FILE.tflite ...]

XNNPACK takes a file as one piece, and no profiler looks into it; here every
operator becomes a file of its own, on random numbers. What XNNPACK fuses, such
as a PAD into the convolution behind it, is measured apart: the sum is more
than the whole, which is printed too. One thread, medians.
"""

import copy
import sys

import numpy as np
import tqdm
from absl import app

from benchmarks.latency_figures import measure
from keras_mvit import console
from keras_mvit.export import packing

_RUNS = 40


def main(paths):
    """Measure and print."""
    if not paths:
        raise ValueError("no file is named; expected FILE.tflite, or several")
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        kinds, whole_ms = profile(content)
        total_ms = sum(ms for _, ms, _ in kinds.values())
        rows = [
            [
                kind,
                str(count),
                f"{ms:.3f}",
                f"{100 * ms / total_ms:.1f}",
                f"{flop / ms / 1e6:.0f}" if flop else "",
            ]
            for kind, (count, ms, flop) in sorted(
                kinds.items(), key=lambda item: -item[1][1]
            )
        ]
        print(f"{path}: {whole_ms:.3f} ms; operators alone {total_ms:.3f} ms")
        header = ["", "operators", "ms", "%", "GFLOP/s"]
        print(console.table(header, rows), flush=True)


def profile(content):
    """Time the operators of a file.

    Args:
        content: bytes.

    Returns:
        dict of kind to (number of operators, ms of all, floating-point or
        integer operations of all, 0 where it is no product); ms of the whole.
    """
    model = packing.unpack(content)
    kinds, known = {}, {}
    for operator in tqdm.tqdm(
        model.subgraphs[0].operators,
        leave=False,
        disable=not sys.stderr.isatty(),
    ):
        kind = _kind(model, operator)
        alone = _alone(model, operator)
        if alone not in known:
            known[alone] = _median_ms(alone)
        count, ms, flop = kinds.get(kind, (0, 0.0, 0))
        flop += _operations(model, operator)
        kinds[kind] = count + 1, ms + known[alone], flop
    return kinds, _median_ms(content)


def _median_ms(content):
    (figures,) = measure({"": content}, _RUNS)
    return figures.median_ms


def _alone(model, operator):
    """The file of one operator; equal for operators that take equally long."""
    alone = copy.copy(model)
    alone.signatureDefs, alone.metadata = [], []
    alone.buffers = list(map(copy.copy, model.buffers))
    graph = copy.copy(model.subgraphs[0])
    alone.subgraphs = [graph]
    graph.tensors = list(map(copy.copy, graph.tensors))
    graph.operators = [copy.copy(operator)]
    graph.inputs = np.int32(
        sorted({i for i in operator.inputs if _is_variable(model, i)})
    )
    graph.outputs = np.int32(operator.outputs)
    packing.drop_unused(alone)
    for tensor in graph.tensors:
        tensor.name = b""
    for buffer in alone.buffers:
        if buffer.data is not None and len(buffer.data) > 64:  # no axes, shapes
            buffer.data = bytes(len(buffer.data))
    return packing.pack(alone)


def _is_variable(model, index):
    buffer = model.subgraphs[0].tensors[index].buffer
    return index >= 0 and model.buffers[buffer].data is None


def _shape(model, index):
    return tuple(map(int, model.subgraphs[0].tensors[index].shape))


def _kind(model, operator):
    name = packing.operator_name(model, operator)
    if name == "CONV_2D":
        _, height, width, _ = _shape(model, operator.inputs[1])
        name += f" {height}x{width}"
    return name


def _operations(model, operator):
    name = packing.operator_name(model, operator)
    results = int(np.prod(_shape(model, operator.outputs[0])))
    if name in ("CONV_2D", "FULLY_CONNECTED"):
        kernel = _shape(model, operator.inputs[1])
        return 2 * results * int(np.prod(kernel[1:]))
    if name == "BATCH_MATMUL":
        return 2 * results * _shape(model, operator.inputs[0])[-1]
    return 0


if __name__ == "__main__":
    # The arguments that are no flags are files, which `friendly` would refuse.
    app.run(lambda argv: console.friendly(lambda _: main(argv[1:]))(argv[:1]))

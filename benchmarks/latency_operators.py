"""Where the time of a LiteRT file goes: each operator alone, summed by kind.

    python -m benchmarks.latency_operators FILE.tflite [FILE.tflite ...]

XNNPACK takes a file as one piece, and no profiler looks into it; here every
operator becomes a file of its own, on random numbers, with those that XNNPACK
fuses with it: the PAD before a convolution, and LOGISTIC with its MUL, which
in int8 are a single table. The whole is printed beside the sum. One thread,
medians.
"""

import collections
import copy
import sys

import numpy as np
import tqdm
from absl import app

from benchmarks.latency_figures import measure
from keras_mvit import console
from keras_mvit.export import packing

_RUNS = 40
_FUSED = (("PAD", "CONV_2D"), ("PAD", "DEPTHWISE_CONV_2D"))
_SILU = ("LOGISTIC", "MUL")


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
    for group in tqdm.tqdm(
        groups(model), leave=False, disable=not sys.stderr.isatty()
    ):
        operator = group[-1]
        kind = _kind(model, group)
        alone = _alone(model, group)
        if alone not in known:
            known[alone] = _median_ms(alone)
        count, ms, flop = kinds.get(kind, (0, 0.0, 0))
        flop += _operations(model, operator)
        kinds[kind] = count + 1, ms + known[alone], flop
    return kinds, _median_ms(content)


def groups(model):
    """List the operators that XNNPACK runs as one.

    Args:
        model: schema.ModelT, from `packing.unpack`.

    Returns:
        list of lists of schema.OperatorT, in the order of the last of each.
    """
    operators = model.subgraphs[0].operators
    makers = {op.outputs[0]: op for op in operators}
    uses = collections.Counter(i for op in operators for i in op.inputs)
    fused = {}  # an operator's result -> the operators before it
    for operator in operators:
        for index in operator.inputs:
            maker = makers.get(index)
            if maker is None or uses[index] > 1:
                continue
            names = _name(model, maker), _name(model, operator)
            is_silu = maker.inputs[0] in operator.inputs
            if names in _FUSED or (names == _SILU and is_silu):
                fused[operator.outputs[0]] = maker
    inside = {maker.outputs[0] for maker in fused.values()}
    return [
        [fused[op.outputs[0]], op] if op.outputs[0] in fused else [op]
        for op in operators
        if op.outputs[0] not in inside
    ]


def _median_ms(content):
    (figures,) = measure({"": content}, _RUNS)
    return figures.median_ms


def _alone(model, group):
    """The file of one group; equal for groups that take equally long."""
    alone = copy.copy(model)
    alone.signatureDefs, alone.metadata = [], []
    alone.buffers = list(map(copy.copy, model.buffers))
    graph = copy.copy(model.subgraphs[0])
    alone.subgraphs = [graph]
    graph.tensors = list(map(copy.copy, graph.tensors))
    graph.operators = list(map(copy.copy, group))
    made = {index for operator in group for index in operator.outputs}
    taken = {index for operator in group for index in operator.inputs}
    graph.inputs = np.int32(
        sorted(i for i in taken - made if _is_variable(model, i))
    )
    graph.outputs = np.int32(group[-1].outputs)
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


def _kind(model, group):
    operator, name = group[-1], _name(model, group[-1])
    if name == _SILU[-1] and len(group) > 1:
        return "SiLU"
    if name == "CONV_2D":
        _, height, width, _ = _shape(model, operator.inputs[1])
        name += f" {height}x{width}"
    return name


def _name(model, operator):
    return packing.operator_name(model, operator)


def _operations(model, operator):
    name = _name(model, operator)
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

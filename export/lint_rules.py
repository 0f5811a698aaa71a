"""What keeps a LiteRT file from running wholly on a target."""

import dataclasses

from keras_mvit.export import delegates, flatbuffer
from keras_mvit.export.interpret import LiteRTModel

TARGETS = ("xnnpack", "gpu")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a target cannot take.

    Args:
        target: str. One of `TARGETS`.
        rule: str. Which kind of thing, such as `rank`.
        place: str. Operator or tensor, with its index.
        message: str. What is wrong.
    """

    target: str
    rule: str
    place: str
    message: str


def lint_file(content, targets=TARGETS):
    """Finds what keeps a LiteRT file from running wholly on the targets.

    XNNPACK is asked by loading the file here, so that all of its limits count;
    only a file that LiteRT cannot load is judged by the tables of `delegates`.
    The GPU delegate exists on devices alone and is judged by the tables, as are
    further graphs of a file: of other signatures, or the bodies of loops.

    Args:
        content: bytes. The file.
        targets: iterable of str, from `TARGETS`.

    Returns:
        list of Finding; empty if every target takes the whole file.

    Raises:
        ValueError: an unknown target, or not a LiteRT file, or a broken one.
    """
    unknown = [target for target in targets if target not in TARGETS]
    if unknown or not targets:
        raise ValueError(
            f"targets are {', '.join(unknown) or 'empty'}; expected some of"
            f" {', '.join(TARGETS)}"
        )
    graphs = [
        (flatbuffer.inputs(content, i), flatbuffer.operators(content, i))
        for i in range(max(1, flatbuffer.count_graphs(content)))
    ]
    model = _load(content, graphs)
    judge = {"xnnpack": _xnnpack, "gpu": _gpu}
    findings = []
    for target in dict.fromkeys(targets):
        for index, (inputs, operators) in enumerate(graphs):
            prefix = f"graph {index} " if index else ""
            findings += [
                Finding(target, rule, prefix + place, message)
                for rule, place, message in (
                    *_foreign(operators),
                    *judge[target](inputs, operators, None if index else model),
                )
            ]
    return findings


def _load(content, graphs):
    """Returns a LiteRTModel, or None where a finding tells why not."""
    try:
        return LiteRTModel(content, num_threads=1)
    except ValueError:
        # With one pixel, which an open size begins with, kernels may fail.
        for inputs, operators in graphs:
            if any(map(_is_dynamic, inputs)) or _foreign(operators):
                return None
        raise


def _foreign(operators):
    findings = []
    for op in operators:
        if op.name.startswith("Flex") and not op.is_builtin:
            message = "needs TensorFlow's kernels (SELECT_TF_OPS) in the app"
            findings.append(("flex", _op(op), message))
        elif not op.is_builtin:
            message = "custom op: the app must bring its own kernel"
            findings.append(("custom", _op(op), message))
    return findings


def _xnnpack(inputs, operators, model):
    del inputs  # of any size
    findings = []
    left_out = None if model is None else model.left_out
    for op in operators:
        refusal = op.is_builtin and delegates.xnnpack_refusal(op)
        if left_out is not None:
            refusal = op.index in left_out and (
                refusal
                or f"XNNPACK has {op.name} of this type, but does not take it"
                " with these shapes, scales or parameters"
            )
        if refusal:
            findings.append(("op", _op(op), refusal))
    if model is not None and model.num_partitions > 1:
        message = (
            f"XNNPACK takes over {model.num_partitions} pieces of the graph;"
            " 1 is expected"
        )
        findings.append(("partitions", "graph", message))
    return findings


def _gpu(inputs, operators, model):
    del model  # which knows of XNNPACK
    findings = [_dynamic(t) for t in inputs if _is_dynamic(t)]
    findings += [
        ("batch", _tensor(t), f"batch {t.shape[0]}, expected 1")
        for t in inputs
        if not _is_single(t)
    ]
    ranked = set()
    for op in operators:
        findings += _started_here(op)
        large = [
            tensor
            for tensor in (*op.inputs, *op.results)
            if len(tensor.shape) > delegates.MAX_GPU_RANK
        ]
        findings += [
            ("rank", _tensor(t), f"{t.shape} has over 4 axes")
            for t in large
            if t.index not in ranked
        ]
        ranked |= {tensor.index for tensor in large}
        refusal = op.is_builtin and not large and delegates.gpu_refusal(op)
        if refusal:
            findings.append(("op", _op(op), refusal))
    return findings


def _started_here(op):
    """Dynamic shapes and folded batches that this operator brings in."""
    findings = []
    if not any(map(_is_dynamic, op.inputs)):
        findings += [_dynamic(t) for t in op.results if _is_dynamic(t)]
    runtime = [tensor for tensor in op.inputs if not tensor.is_constant]
    # What is made of constants alone, as float32 weights of float16 ones, is
    # no batch.
    if runtime and all(map(_is_single, runtime)):
        findings += [
            ("batch", _tensor(t), f"batch folded by {op.name} to {t.shape[0]}")
            for t in op.results
            if not _is_single(t)
        ]
    return findings


def _dynamic(tensor):
    return ("dynamic", _tensor(tensor), f"no fixed shape: {tensor.shape}")


def _is_dynamic(tensor):
    return -1 in tensor.shape


def _is_single(tensor):
    """Whether the first axis, to a GPU the batch, is 1 or not known."""
    return tensor.shape[:1] in ((), (1,), (-1,))


def _op(op):
    return f"op {op.index} {op.name} {_short(*op.outputs[:1])}".rstrip()


def _tensor(tensor):
    return f"tensor {tensor.index} {_short(tensor.name)}"


def _short(name=""):
    """The first of the layers that a converter fused into one tensor."""
    return name.split(";")[0]

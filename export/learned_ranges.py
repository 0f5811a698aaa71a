"""Ranges that quantization-aware training has learned, for a LiteRT file."""

import re

from keras_mvit.export import flatbuffer


def tensor_ranges(content, learned):
    """Finds the tensors of a file whose ranges are known.

    These are what convolutions and projections return, and what a SiLU makes
    of that. Between them the converter orders operators in its own way, and
    calibration finds the ranges.

    Args:
        content: bytes. The float32 LiteRT file.
        learned: dict of path -> (least, greatest value), as in
            `quantization.json`.

    Returns:
        dict of tensor name -> (least, greatest value).

    Raises:
        ValueError: none is of a layer of the file.
    """
    operators = flatbuffer.operators(content)
    paths = _kernel_outputs(operators, learned)
    found = {tensor: learned[path] for tensor, path in paths.items()}
    if not found:
        raise ValueError(
            "quantization.json is of another model: it has ranges of"
            f" {', '.join(list(learned)[:3])}, and no layer of the file is"
            " called so"
        )
    for tensor, source in _silu_outputs(operators).items():
        scope = paths.get(source, "").rpartition("/")[0]
        silu = f"{scope}/silu_1".lstrip("/")
        if silu in learned:
            found[tensor] = learned[silu]
    return found


def _kernel_outputs(operators, learned):
    """Returns the layer path of what each convolution or projection makes."""
    patterns = {path: _pattern(path) for path in learned}
    return {
        op.outputs[0]: path
        for op in operators
        if op.name in flatbuffer.WEIGHTED
        # Of fused operators the name is a list of theirs.
        for part in op.outputs[0].split(";")
        for path, pattern in patterns.items()
        if pattern.match(part)
    }


def _pattern(path):
    """Matches names in the scope of a layer; Keras may number each part."""
    parts = [rf"{re.escape(part)}(_\d+)?/" for part in path.split("/")]
    return re.compile("[^/]+/" + "".join(parts))


def _silu_outputs(operators):
    """Returns x for the output of each x * sigmoid(x)."""
    sigmoids = {
        op.outputs[0]: op.inputs[0].name
        for op in operators
        if op.name == "LOGISTIC"
    }
    return {
        op.outputs[0]: sigmoids[tensor.name]
        for op in operators
        if op.name == "MUL"
        for tensor in op.inputs
        if sigmoids.get(tensor.name) in {x.name for x in op.inputs}
    }

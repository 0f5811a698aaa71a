"""Parameters, multiply-adds and activations of a model."""

import dataclasses
import itertools
import math
import numbers

import keras
import numpy as np

from keras_mvit.analysis.memory import live_bytes, training_bytes
from keras_mvit.analysis.tape import record


@dataclasses.dataclass(frozen=True)
class Count:
    """What a model, a stage or a layer costs for one image.

    Attributes:
        name: str.
        parameters: int. Weights made to be trained, frozen or not; the
            averages of batch normalization are not among them.
        macs: int. Multiply-adds of convolutions and matrix products, those
            between activations included.
        peak_bytes: int. Largest size of all activations alive at one time, in
            float32: see `keras_mvit.analysis.memory`.
        parts: tuple of Count. The stages of a model, the layers of a stage.
    """

    name: str
    parameters: int
    macs: int
    peak_bytes: int
    parts: tuple = ()

    def __str__(self):
        rows = (*self.parts, self)
        width = max(len(row.name) for row in rows)
        lines = [f"{'':<{width}}  parameters     MMACs  peak MiB"]
        for row in rows:
            lines.append(
                f"{row.name:<{width}}{row.parameters:>12,}"
                f"{row.macs / 1e6:>10,.1f}{row.peak_bytes / 2**20:>10.2f}"
            )
        return "\n".join(lines)


def training_activation_bytes(model, image_size=None):
    """Return the bytes of activations that training keeps for one image.

    Args:
        model: keras.Model, as of `count`.
        image_size: int or (int, int). As of `count`.

    Returns:
        int, in float32; half of it in a mixed precision.
    """
    parts, _ = record(model, _image_size(model, image_size))
    return training_bytes([step for part in parts for step in part.steps])


def count(model, image_size=None):
    """Count parameters, multiply-adds and activations of a model.

    The stages are "stem", up to the first layer that makes the map smaller;
    "stride_2", "stride_4", ... by the size of the map that a layer gives; and
    "head": the layers at the end without a map of more than one pixel, and
    those whose name begins with "head".

    Args:
        model: keras.Model with one image input, functional and built; any
            one whose layers are written in `keras.ops`, as all of Keras's
            are but a few that prepare data.
        image_size: int or (int, int). Height and width in pixels, where the
            model leaves them open. Defaults to the model's.

    Returns:
        Count, in it one for each stage, and in these one for each layer.

    Raises:
        ValueError: no single image input, a size that is not known or not
            the model's, or a layer that cannot be counted.

    Example:
        >>> model = create_model("mobilevit_xxs")
        >>> count(model).parameters
        1272024
    """
    size = _image_size(model, image_size)
    parts, outputs = record(model, size)
    alive = iter(live_bytes([s for p in parts for s in p.steps], outputs))
    seen = set()  # the weights of a layer that is called twice count once
    counts = [
        Count(
            part.operation.name,
            _parameters(part.operation, seen),
            sum(step.macs for step in part.steps),
            max(itertools.islice(alive, len(part.steps)), default=0),
        )
        for part in parts
    ]
    stages = {}
    for label, layer in zip(_stages(parts, size), counts, strict=True):
        stages.setdefault(label, []).append(layer)
    return _sum(model.name, [_sum(*stage) for stage in stages.items()])


def _image_size(model, image_size):
    inputs = getattr(model, "inputs", None) or ()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise ValueError(
            "Expected a functional model of one input (batch, height, width, "
            f"channels). Received: {model!r} of "
            f"{[tuple(x.shape) for x in inputs]}"
        )
    known = tuple(inputs[0].shape[1:3])
    if image_size is None and None in known:
        raise ValueError(
            f"{model.name} leaves the image size open: `image_size` must be "
            f"given, for example 256. Received: {known}"
        )
    size = known if image_size is None else image_size
    if isinstance(size, numbers.Integral):
        size = (size, size)
    if np.shape(size) != (2,) or not all(
        isinstance(s, numbers.Integral) and s > 0 for s in size
    ):
        raise ValueError(
            "`image_size` must be an int or (height, width), in pixels. "
            f"Received: {image_size!r}"
        )
    if any(k not in (None, s) for k, s in zip(known, size, strict=True)):
        raise ValueError(
            f"{model.name} is built for images of {known}. Received: "
            f"image_size={image_size}"
        )
    return tuple(map(int, size))


def _parameters(operation, seen):
    if not isinstance(operation, keras.Layer):
        return 0
    new = {
        id(weight): math.prod(weight.shape)
        for layer in operation._flatten_layers()
        for weight in layer._trainable_variables
        if id(weight) not in seen
    }
    seen.update(new)
    return sum(new.values())


def _stages(parts, image_size):
    """Return the name of each part's stage."""
    labels, stride, in_stem = [], 1, True
    for part in parts:
        if _is_map(part.shape):
            stride = 2 ** round(math.log2(image_size[0] / part.shape[1]))
        labels.append("stem" if in_stem else f"stride_{stride}")
        in_stem = in_stem and stride == 1
    for index in reversed(range(len(parts))):
        named = parts[index].operation.name.startswith("head")
        if not named and math.prod(parts[index].shape[1:-1]) > 1:
            break
        labels[index] = "head"
    return labels


def _is_map(shape):
    return len(shape) == 4 and math.prod(shape[1:3]) > 1


def _sum(name, parts):
    return Count(
        name,
        sum(part.parameters for part in parts),
        sum(part.macs for part in parts),
        max(part.peak_bytes for part in parts),
        tuple(parts),
    )

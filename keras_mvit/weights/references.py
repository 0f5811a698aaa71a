"""From the tensors of a reference state dict to the variables of a model."""

import dataclasses

import numpy as np
from keras import layers

from keras_mvit.layers import (
    CMTBlock,
    LayerNorm2D,
    MobileViTBlock,
    MobileViTV2Block,
    RelativePositionBias,
)
from keras_mvit.weights import sources

_NORM = {"gamma": "weight", "beta": "bias"}
_KERNEL = {"kernel": "weight", "bias": "bias"}
# Layer -> names of its variables in PyTorch, axes that turn PyTorch's weight
# into ours (None: a vector).
_LEAVES = {
    layers.Conv2D: (_KERNEL, (2, 3, 1, 0)),  # (O, I, H, W) -> (H, W, I, O)
    layers.DepthwiseConv2D: (_KERNEL, (2, 3, 0, 1)),  # (C, 1, H, W)
    layers.Dense: (_KERNEL, (1, 0)),  # (O, I) -> (I, O)
    layers.LayerNormalization: (_NORM, None),
    LayerNorm2D: (_NORM, None),
    RelativePositionBias: ({"table": None}, None),  # a bare parameter
    layers.BatchNormalization: (
        _NORM
        | {"moving_mean": "running_mean", "moving_variance": "running_var"},
        None,
    ),
}
# A family is told by its block.
_FAMILIES = {
    MobileViTBlock: sources.MOBILEVIT,
    MobileViTV2Block: sources.MOBILEVITV2,
    CMTBlock: sources.CMT,
}
# Layers that a backbone, or a model without classifier, does not have.
HEADS = {
    "classifier": ("classifier",),
    "head_conv": ("head_conv/conv", "head_conv/bn"),
}


@dataclasses.dataclass(frozen=True)
class ReferenceTensor:
    """Where the value of one of our variables comes from.

    Attributes:
        names: tuple of str. Tensors of the state dict, to be concatenated.
        axes: tuple of int or None. Transposition into our layout.
    """

    names: tuple
    axes: tuple | None


def find_source(model, name, tensors, origin):
    """Return the source called `name`, or the one that `tensors` are of.

    Args:
        model: keras.Model. Its family's sources are searched.
        name: str. A source's name, or "auto".
        tensors: dict. The state dict.
        origin: str. Where it comes from, for messages.

    Returns:
        Source.

    Raises:
        ValueError: unknown name, or names of no known source.
    """
    known = next(
        family
        for block, family in _FAMILIES.items()
        if any(isinstance(layer, block) for layer in model.layers)
    )
    for source in known:
        if name == source.name or (
            name == "auto" and source.signature in tensors
        ):
            return source
    problem = (
        f"the names in {origin} are of none: they begin with "
        f"{list(tensors)[:3]}"
        if name == "auto"
        else f"received source={name!r}"
    )
    names = ", ".join(["auto", *(source.name for source in known)])
    variant = looks_like(tensors)
    hint = f" It looks like {variant}." if variant else ""
    raise ValueError(
        f"Known sources of weights for {model.name} are {names}; {problem}."
        f"{hint}"
    )


def looks_like(tensors):
    """Return the name of the variant whose state dict `tensors` may be.

    Args:
        tensors: dict of str to array. The state dict.

    Returns:
        str, or None where no variant fits.
    """
    # Here, because the package of the models imports this one.
    from keras_mvit.models.registry import get_variant, list_models

    every_source = [s for family in _FAMILIES.values() for s in family]
    for name in list_models():
        layer_path, shape = get_variant(name).fingerprint
        for source in every_source:
            weight = tensors.get(f"{source.prefixes(layer_path)[0]}.weight")
            if weight is not None and np.shape(weight)[:2] == shape:
                return name
    return None


def references(model, source):
    """Return what a model wants of a state dict, and what it leaves.

    Args:
        model: keras.Model.
        source: Source.

    Returns:
        dict of variable path to ReferenceTensor, and the set of tensor names
        that belong to a head the model was built without.
    """
    wanted = {}
    for layer_path, layer in _leaves(model):
        names, axes = _LEAVES[type(layer)]
        for variable in layer.weights:
            name = names[variable.name]
            parts = [
                f"{prefix}.{name}" if name else prefix
                for prefix in source.prefixes(layer_path)
            ]
            wanted[variable.path] = ReferenceTensor(
                tuple(parts), axes if name == "weight" else None
            )
    present = {layer.name for layer in model.layers}
    left_out = {
        f"{prefix}.{name}"
        for head, paths in HEADS.items()
        if head not in present
        for path in paths
        for prefix in source.prefixes(path)
        for name in ("weight", "bias", "running_mean", "running_var")
    }
    return wanted, left_out


def convert(reference, tensors, flip_inputs):
    """Return one variable's value in our layout.

    Args:
        reference: ReferenceTensor.
        tensors: dict of str to array. The state dict.
        flip_inputs: bool. Reverse the input channels of a convolution.
    """
    value = np.concatenate([np.asarray(tensors[n]) for n in reference.names])
    # A tensor of the wrong rank is passed on, to be reported by its shape.
    if reference.axes and value.ndim == len(reference.axes):
        value = value.transpose(reference.axes)
        if flip_inputs:
            value = value[:, :, ::-1]  # (H, W, I, O)
    return value


def _leaves(layer, path=""):
    """Yield (path, layer) of the layers that hold variables themselves."""
    for child in layer._flatten_layers(include_self=False, recursive=False):
        child_path = f"{path}/{child.name}" if path else child.name
        if type(child) in _LEAVES:
            yield child_path, child
        else:
            yield from _leaves(child, child_path)

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
        shape: tuple of int. Of each of them, in PyTorch's layout.
        axes: tuple of int or None. Transposition into our layout.
    """

    names: tuple
    shape: tuple
    axes: tuple | None


def find_source(model, name, tensors, origin):
    """Return the source called `name`, or the one whose names `tensors` have.

    A damaged state dict has most of them.

    Args:
        model: keras.Model. Its family's sources are searched.
        name: str. A source's name, or "auto".
        tensors: dict. The state dict.
        origin: str. Where it comes from, for messages.

    Returns:
        Source.

    Raises:
        ValueError: unknown name, names of no known source, or a model that
            is none of ours.
    """
    known = _family(model)
    candidates = [s for s in known if name in ("auto", s.name)]

    def common(source):
        wanted, _ = references(model, source)
        return sum(n in tensors for t in wanted.values() for n in t.names)

    best = max(candidates, key=common, default=None)
    if best and (name != "auto" or common(best)):
        return best
    problem = (
        f"the names in {origin} are of none: they begin with "
        f"{list(tensors)[:3]}"
        if name == "auto"
        else f"received source={name!r}"
    )
    names = ", ".join(dict.fromkeys(["auto", *(s.name for s in known)]))
    variant = looks_like(tensors)
    hint = f" It looks like {variant}." if variant else ""
    raise ValueError(
        f"Known sources of weights for {model.name} are {names}; {problem}."
        f"{hint}"
    )


def _family(model):
    """Return the sources of a model's family."""
    for block, family in _FAMILIES.items():
        if any(isinstance(layer, block) for layer in model.layers):
            return family
    raise ValueError(
        "Expected a model of `create_model` or `create_backbone`; one inside "
        f"of another model is loaded by itself. Received: {model!r}"
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
        dict of variable path to ReferenceTensor, without the variables that
        no source knows; and the set of tensor names that belong to a head the
        model was built without.
    """
    wanted = {}
    depths = {x.name: x.depth for x in model.layers if hasattr(x, "depth")}
    for layer_path, layer in _leaves(model):
        depth = depths.get(layer_path.partition("/")[0])
        prefixes = source.prefixes(layer_path, depth)
        names, axes = _LEAVES[type(layer)]
        for variable in layer.weights:
            if variable.name in names:
                wanted[variable.path] = _reference(
                    variable.shape, prefixes, names[variable.name], axes
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


def _reference(shape, prefixes, name, axes):
    names = tuple(f"{p}.{name}" if name else p for p in prefixes)
    axes = axes if name == "weight" else None
    if axes:
        shape = [shape[axes.index(axis)] for axis in range(len(axes))]
    # Concatenated over the first axis, PyTorch's outputs.
    return ReferenceTensor(names, (shape[0] // len(names), *shape[1:]), axes)


def convert(reference, tensors):
    """Return one variable's value in our layout.

    Args:
        reference: ReferenceTensor.
        tensors: dict of str to array. The state dict, of the right shapes.
    """
    value = np.concatenate([tensors[name] for name in reference.names])
    return value.transpose(reference.axes) if reference.axes else value


def _leaves(layer, path=""):
    """Yield (path, layer) of the layers that hold variables themselves."""
    for child in layer._flatten_layers(include_self=False, recursive=False):
        child_path = f"{path}/{child.name}" if path else child.name
        if type(child) in _LEAVES:
            yield child_path, child
        else:
            yield from _leaves(child, child_path)

"""All weights of a file, or an error that lists every difference."""

import contextlib
import functools
import os
import types
import warnings

import keras
import numpy as np
from keras import ops

from keras_mvit.layers import RelativePositionBias
from keras_mvit.weights.reading import EXTENSIONS, read_state_dict
from keras_mvit.weights.references import (
    HEADS,
    convert,
    find_source,
    looks_like,
    references,
)

KERAS_EXTENSIONS = (".keras", ".weights.h5")


def load_weights(model, path):
    """Load a Keras file or a published checkpoint, by its extension.

    Args:
        model: keras.Model of `create_model` or `create_backbone`.
        path: str or PathLike. `.keras`, `.weights.h5`, or a kind that
            `load_reference_weights` reads.

    Raises:
        ValueError: an unknown extension, an unreadable file, or weights that
            do not fit the model exactly. The model is unchanged then.
    """
    path = os.fspath(path)
    if path.endswith(EXTENSIONS):
        load_reference_weights(model, path)
    elif path.endswith(KERAS_EXTENSIONS):
        _load_keras_file(model, path)
    else:
        raise ValueError(
            f"Cannot read weights from {path!r}: accepted are "
            f"{', '.join(KERAS_EXTENSIONS + EXTENSIONS)}."
        )


def load_reference_weights(
    model, state_dict_or_path, source="auto", flip_stem=False
):
    """Load the weights of a reference implementation, all or none.

    Args:
        model: keras.Model of `create_model` or `create_backbone`. One without
            classifier leaves the file's classifier out, a backbone also the
            last 1x1 convolution.
        state_dict_or_path: dict of str to array in PyTorch's layout, or the
            path of a `.safetensors`, `.npz`, `.pt`, `.pth` or `.bin` file.
        source: str. Whose names they are: "timm", "transformers" or
            "cvnets", for CMT "cmt". Defaults to "auto", which looks.
        flip_stem: bool. Reverse the input channels of the first convolution.
            The authors' MobileViT v1 weights, and those of transformers made
            from them, want BGR images; flipped, they want RGB. Defaults to
            False.

    CMT's tables of position biases are resized where the model was built for
    another image size (`RelativePositionBias.resize`).

    Raises:
        ValueError: the file is unreadable, its names are of no known source,
            or a tensor is missing, superfluous or of the wrong shape. The
            message lists every difference, and the model is unchanged.

    Example:
        >>> model = create_model("mobilevit_xs")
        >>> load_reference_weights(model, "mobilevit_xs.safetensors")
    """
    if isinstance(state_dict_or_path, dict):
        tensors, origin = state_dict_or_path, "the state dict"
    else:
        tensors = read_state_dict(state_dict_or_path)
        origin = os.fspath(state_dict_or_path)
    source = find_source(model, source, tensors, origin)

    wanted, left_out = references(model, source)
    known = {name for tensor in wanted.values() for name in tensor.names}
    missing = known - tensors.keys()
    superfluous = tensors.keys() - known - left_out
    arrays = {
        path: convert(tensor, tensors, flip_stem and path.startswith("stem/"))
        for path, tensor in wanted.items()
        if missing.isdisjoint(tensor.names)
    }
    _assign_all(
        model,
        arrays,
        f"{origin} ({source.name} names)",
        sorted(missing),
        sorted(n for n in superfluous if not n.endswith(source.ignored)),
        hint=lambda: looks_like(tensors),
    )


def _load_keras_file(model, path):
    if not os.path.isfile(path):
        raise ValueError(f"There is no file {path!r}.")
    try:
        if path.endswith(".keras"):
            other = keras.saving.load_model(path, compile=False)
            arrays = {v.path: ops.convert_to_numpy(v) for v in other.weights}
            map_sizes = {x.table.path: x.map_size for x in _biases(other)}
        else:
            arrays = _read_weights_file(model, path)
            map_sizes = _map_sizes_where_equal(model, arrays)
    except Exception as error:  # h5py and zipfile raise kinds of their own
        raise ValueError(
            f"Cannot load {path!r} into {model.name}: {error}"
        ) from error
    paths = {v.path for v in model.weights}
    absent = HEADS.keys() - {layer.name for layer in model.layers}
    left_out = {p for p in arrays if p.partition("/")[0] in absent}
    _assign_all(
        model,
        arrays,
        path,
        sorted(paths - arrays.keys()),
        sorted(arrays.keys() - paths - left_out),
        map_sizes=map_sizes,
    )


def _read_weights_file(model, path):
    """Return {variable path: array} of a `.weights.h5` of such a model."""
    # Into a copy, whose variables note what they are given instead of taking
    # it, so that all that does not fit can be told, and in our words.
    copy = keras.models.clone_model(model)
    arrays = {}
    for variable in copy.weights:
        variable.assign = functools.partial(_note, arrays, variable.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.load_weights(path)  # what it warns of, it raises too
    return arrays


def _note(arrays, path, value):
    arrays[path] = np.asarray(value)


def _map_sizes_where_equal(model, arrays):
    # Such files do not tell: a table that fits is taken for one of the model's.
    return {
        x.table.path: x.map_size
        for x in _biases(model)
        if arrays[x.table.path].shape == x.table.shape
    }


def _assign_all(
    model,
    arrays,
    origin,
    missing,
    superfluous,
    hint=lambda: None,
    map_sizes=types.MappingProxyType({}),
):
    """Assign {variable path: array}, or raise with every difference.

    `hint` is called for the name of the variant that the file may be of.
    `map_sizes` tells the maps that position biases are of, {path: size}; they
    are square where it does not.
    """
    arrays = arrays | _resized_tables(model, arrays, map_sizes)
    differences = [f"missing: {name}" for name in missing]
    differences += [f"superfluous: {name}" for name in superfluous]
    for variable in model.weights:
        array = arrays.get(variable.path)
        if array is not None and array.shape != tuple(variable.shape):
            differences.append(
                f"shape of {variable.path}: {tuple(array.shape)} in the file, "
                f"{tuple(variable.shape)} in the model"
            )
    if differences:
        variant = hint()
        looks = f" It looks like {variant}." if variant else ""
        lines = "\n  ".join(differences)
        raise ValueError(
            f"{origin} does not fit {model.name}: {len(differences)} "
            f"differences, nothing was loaded.{looks}\n  {lines}"
        )
    for variable in model.weights:
        variable.assign(arrays[variable.path])


def _resized_tables(model, arrays, map_sizes):
    """Return the position biases of another image size, as this model's."""
    resized = {}
    for layer in _biases(model):
        path = layer.table.path
        # What does not fit is reported by its shape, with the others.
        with contextlib.suppress(KeyError, ValueError):
            resized[path] = layer.resize(arrays[path], map_sizes.get(path))
    return resized


def _biases(model):
    return [x for x in model.layers if isinstance(x, RelativePositionBias)]

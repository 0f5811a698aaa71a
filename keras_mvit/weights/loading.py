"""All weights of a file, or an error that lists every difference."""

import contextlib
import functools
import os
import warnings

import keras
import numpy as np
from keras import ops

from keras_mvit.layers import RelativePositionBias
from keras_mvit.weights.reading import (
    EXTENSIONS,
    as_arrays,
    check_zip,
    read_state_dict,
)
from keras_mvit.weights.references import (
    HEADS,
    convert,
    find_source,
    looks_like,
    references,
)

KERAS_EXTENSIONS = (".keras", ".weights.h5")
_FIRST_KERNELS = ("stem/conv/kernel", "stem/conv1/kernel")  # of an image


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
    if path.lower().endswith(EXTENSIONS):
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
        state_dict_or_path: dict of str to array or tensor in PyTorch's layout,
            or the path of a `.safetensors`, `.npz`, `.pt`, `.pth` or `.bin`
            file.
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
            a tensor is missing, superfluous or of the wrong shape, or a
            variable is none of the source's. The message lists every
            difference, and the model is unchanged.

    Example:
        >>> model = create_model("mobilevit_xs")
        >>> load_reference_weights(model, "mobilevit_xs.safetensors")
    """
    if isinstance(state_dict_or_path, dict):
        tensors, origin = as_arrays(state_dict_or_path), "the state dict"
    else:
        tensors = read_state_dict(state_dict_or_path)
        origin = os.fspath(state_dict_or_path)
    source = find_source(model, source, tensors, origin)

    wanted, left_out = references(model, source)
    found = {
        name: array
        for name, array in tensors.items()
        if name not in left_out and not name.endswith(source.ignored)
    }
    tables = {wanted[x.table.path].names[0]: (x, None) for x in _biases(model)}
    found |= _resized_tables(found, tables)
    expected = {n: t.shape for t in wanted.values() for n in t.names}
    unknown = [
        f"unknown to {source.name}: {v.path}"
        for v in model.weights
        if v.path not in wanted
    ]
    _check(
        model,
        f"{origin} ({source.name} names)",
        unknown + _differences(expected, found),
        looks_like(tensors),
    )
    for variable in model.weights:
        array = convert(wanted[variable.path], found)
        if flip_stem and variable.path in _FIRST_KERNELS:
            array = array[:, :, ::-1]  # (H, W, I, O)
        variable.assign(array)


def _load_keras_file(model, path):
    if not os.path.isfile(path):
        raise ValueError(f"There is no file {path!r}.")
    try:
        if path.endswith(".keras"):
            check_zip(path)
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
    absent = HEADS.keys() - {layer.name for layer in model.layers}
    found = {
        name: array
        for name, array in arrays.items()
        if name.partition("/")[0] not in absent
    }
    tables = {
        x.table.path: (x, map_sizes.get(x.table.path)) for x in _biases(model)
    }
    found |= _resized_tables(found, tables)
    expected = {v.path: tuple(v.shape) for v in model.weights}
    _check(model, path, _differences(expected, found))
    for variable in model.weights:
        variable.assign(found[variable.path])


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


def _differences(expected, found):
    """Return what to say of arrays {name: array} that differ from a model's.

    `expected` is {name: shape}.
    """
    missing = expected.keys() - found.keys()
    superfluous = found.keys() - expected.keys()
    return [
        *(f"missing: {name}" for name in sorted(missing)),
        *(f"superfluous: {name}" for name in sorted(superfluous)),
        *(
            f"shape of {name}: {found[name].shape} in the file, {shape} in the "
            "model"
            for name, shape in expected.items()
            if name in found and found[name].shape != shape
        ),
    ]


def _check(model, origin, differences, looks=None):
    """Raise if there are any differences.

    `looks` is the name of the variant that the file may be of.
    """
    if not differences:
        return
    number = len(differences)
    hint = f" It looks like {looks}." if looks else ""
    lines = "\n  ".join(differences)
    raise ValueError(
        f"{origin} does not fit {model.name}: {number} "
        f"difference{'s' if number > 1 else ''}, nothing was loaded.{hint}\n"
        f"  {lines}"
    )


def _resized_tables(arrays, tables):
    """Return the position biases of another image size, as this model's.

    `tables` is {name in `arrays`: (layer, size of the map it is of or None)}.
    """
    resized = {}
    for name, (layer, map_size) in tables.items():
        # What does not fit is reported by its shape, with the others.
        with contextlib.suppress(KeyError, ValueError, IndexError):
            resized[name] = layer.resize(arrays[name], map_size)
    return resized


def _biases(model):
    return [x for x in model.layers if isinstance(x, RelativePositionBias)]

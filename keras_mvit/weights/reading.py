"""Checkpoints as a dict of numpy arrays."""

import argparse
import contextlib
import os
import zipfile

import numpy as np

EXTENSIONS = (".npz", ".safetensors", ".pt", ".pth", ".bin")
# Under which training scripts put the state dict beside other things.
_WRAPPERS = ("model_state_dict", "state_dict", "model")


def read_state_dict(path):
    """Read the tensors of a checkpoint file.

    Args:
        path: str or PathLike. `.npz`, `.safetensors` (read without torch), or
            `.pt`, `.pth`, `.bin` (need torch; read with `weights_only=True`,
            so that no code in the file is run).

    Returns:
        dict of str to float32 array, as of `as_arrays`.

    Raises:
        ValueError: the file is missing, of another kind, or unreadable.
    """
    path = os.fspath(path)
    extension = os.path.splitext(path)[1].lower()
    if extension not in EXTENSIONS:
        raise ValueError(
            f"Cannot read weights from {path!r}: accepted are "
            f"{', '.join(EXTENSIONS)}."
        )
    if not os.path.isfile(path):
        raise ValueError(f"There is no file {path!r}.")
    reader = {".npz": _read_npz, ".safetensors": _read_safetensors}
    try:
        return as_arrays(reader.get(extension, _read_torch)(path))
    except ImportError as error:
        raise ValueError(
            f"Reading {path!r} needs PyTorch (`pip install torch`); a "
            ".safetensors or .npz file does not."
        ) from error
    # Each library raises kinds of its own on a damaged file.
    except Exception as error:
        raise ValueError(
            f"{path!r} is no readable {extension} file: {error}"
        ) from error


def check_zip(path):
    """Raise a ValueError unless a file is a whole zip archive."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is cut off, or no zip archive.")


def _read_npz(path):
    check_zip(path)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


def _read_torch(path):
    import torch

    # DeiT's scripts, and those made from them, keep their flags in the file.
    allow = getattr(torch.serialization, "safe_globals", contextlib.nullcontext)
    with allow([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def as_arrays(state_dict):
    """Return the tensors of a state dict as numpy arrays.

    Args:
        state_dict: dict of str to array or PyTorch tensor, or a dict in which
            a training script has wrapped it.

    Returns:
        dict of str to float32 array, without the "module." that PyTorch's data
        parallelism puts before the names.

    Raises:
        ValueError: it holds something else.
    """
    state_dict = _innermost(state_dict)
    if not isinstance(state_dict, dict):
        raise ValueError(
            "expected a dict of tensors, received one of type "
            f"{type(state_dict).__name__}."
        )
    return {
        str(name).removeprefix("module."): _as_array(name, value)
        for name, value in state_dict.items()
    }


def _innermost(content):
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            return _innermost(content[wrapper])
    return content


def _as_array(name, value):
    if hasattr(value, "detach"):  # PyTorch's, and numpy knows no bfloat16
        value = value.detach().float().cpu()
    try:
        return np.asarray(value, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"expected a dict of tensors, but {name!r} is none: {error}"
        ) from error

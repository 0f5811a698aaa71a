"""Checkpoint files as a dict of numpy arrays."""

import os
import zipfile

import numpy as np

EXTENSIONS = (".npz", ".safetensors", ".pt", ".pth", ".bin")


def read_state_dict(path):
    """Read the tensors of a checkpoint file.

    Args:
        path: str or PathLike. `.npz`, `.safetensors` (read without torch), or
            `.pt`, `.pth`, `.bin` (need torch; read with `weights_only=True`,
            so that no code in the file is run).

    Returns:
        dict of str to array, in the layout of the file.

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
        return reader.get(extension, _read_torch)(path)
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


def _read_npz(path):
    if not zipfile.is_zipfile(path):
        raise ValueError("it is cut off, or no zip archive.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


def _read_torch(path):
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    # Training scripts wrap the state dict; take the innermost.
    for wrapper in ("model_state_dict", "state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ValueError("it holds no dict of tensors.")
    # float(): numpy knows no bfloat16. "module.": left by data parallelism.
    return {
        name.removeprefix("module."): value.float().numpy()
        for name, value in content.items()
    }

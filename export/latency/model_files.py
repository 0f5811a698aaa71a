"""The LiteRT files to measure."""

import dataclasses
import glob
import hashlib
import os

from keras_mvit.export import files, flatbuffer


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """One LiteRT file.

    Args:
        path: str.
        name: str. File name without `.tflite`; after those of its folders, as
            far as another one's is the same.
        sha256: str.
        size_bytes: int.
    """

    path: str
    name: str
    sha256: str
    size_bytes: int

    def fields(self):
        """What a `Result` tells of a file, as keyword arguments."""
        return {
            "model": self.name,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
        }


def describe(path):
    """Returns the `ModelFile` of a path.

    Raises:
        ValueError: it is missing, or not a LiteRT file.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
        flatbuffer.read_model(content)
    except OSError as error:
        raise ValueError(f"Cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return ModelFile(
        path=path,
        name=os.path.basename(path).removesuffix(".tflite"),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )


def describe_all(paths):
    """Returns the `ModelFile`s of paths, each file once.

    Args:
        paths: list of str, or one.

    Raises:
        ValueError: as `describe`.
    """
    paths = {os.path.realpath(path): path for path in files.listed(paths)}
    paths = list(paths.values())
    return [
        dataclasses.replace(describe(path), name=name)
        for path, name in zip(paths, _distinct_names(paths), strict=True)
    ]


def _distinct_names(paths):
    parts = [
        os.path.abspath(path).removesuffix(".tflite").split(os.sep)
        for path in paths
    ]
    depths = [1] * len(parts)
    while True:
        names = [
            "/".join(own[-depth:])
            for own, depth in zip(parts, depths, strict=True)
        ]
        same = {name for name in names if names.count(name) > 1}
        if not same:
            return names
        depths = [
            depth + (name in same)
            for depth, name in zip(depths, names, strict=True)
        ]


def find_models(patterns):
    """Lists LiteRT files, float32 ones first in each folder.

    Args:
        patterns: list of str. Files, folders, or patterns such as `*.tflite`.

    Returns:
        list of paths.

    Raises:
        ValueError: nothing is there.
    """
    paths = []
    for pattern in patterns:
        if os.path.isdir(pattern):
            pattern = os.path.join(glob.escape(pattern), "*.tflite")
        found = [pattern] if os.path.isfile(pattern) else glob.glob(pattern)
        if not found:
            raise ValueError(f"There is no LiteRT file {pattern}")
        found.sort(key=lambda path: ("_float32" not in path, path))
        paths += found
    if not paths:
        raise ValueError("No models were named")
    return list(dict.fromkeys(paths))

"""Files that are either whole or not there."""

import contextlib
import json
import os


@contextlib.contextmanager
def replacing(path):
    """Writes a file beside its final name, then renames it.

    A process killed at any moment, or a full disk, leaves the previous
    version.

    Args:
        path: str. The final name.

    Yields:
        str. The name to write to, with the same extension.
    """
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    partial = os.path.join(folder, f".partial-{name}")
    try:
        yield partial
        _flush_to_disk(partial)
        os.replace(partial, path)
        _flush_to_disk(folder)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)


def write_text(path, text):
    """Writes a text file, whole or not at all."""
    with replacing(path) as partial:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)


def write_json(path, value):
    """Writes a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def _flush_to_disk(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""export.json: what was exported, and how good each file is."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os

from keras_mvit import console
from keras_mvit.export import (
    convert,
    flatbuffer,
    metadata,
    report_fields,
)

FILE_NAME = "export.json"
SENSITIVITY = "{}_sensitivity.json"  # of the model's name
_PACKAGES = (
    "keras-mvit",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "ai-edge-quantizer",
)


def file_card(name, row, content, comparison):
    """Describes one exported file as a dict.

    Args:
        name: str. File name.
        row: formats.Format.
        content: bytes. The file.
        comparison: compare.Comparison.
    """
    return {
        "file": name,
        "format": row.name,
        "size_bytes": len(content),
        **dataclasses.asdict(comparison),
        "ops": flatbuffer.op_histogram(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def app_card(file, content, source):
    """Describes one file for those who put it into an app, as a dict.

    Args:
        file: dict from `file_card`.
        content: bytes. The file, with metadata.
        source: Source.
    """
    about = metadata.read(content)
    (taken,), (returned,) = (
        flatbuffer.inputs(content),
        flatbuffer.outputs(content),
    )
    return {
        "file": file["file"],
        "name": about.name,
        "description": about.description,
        "version": about.version,
        "author": about.author,
        "format": file["format"],
        "signature": convert.SIGNATURE,
        "input": {
            "name": about.input_name,
            "shape": taken.shape,
            "dtype": taken.dtype,
            "channel_order": source.preprocessing.channel_order,
            "mean": about.mean,
            "std": about.std,
            **_quantization(taken),
        },
        "output": {
            "name": about.output_name,
            "shape": returned.shape,
            "dtype": returned.dtype,
            "labels": about.labels and metadata.LABELS_FILE,
            **_quantization(returned),
        },
        "top1": file["top1"],
        "size_bytes": file["size_bytes"],
        "sha256": file["sha256"],
    }


def _quantization(tensor):
    if tensor.quantization is None:
        return {}
    scale, zero_point = tensor.quantization
    return {"scale": scale, "zero_point": zero_point}


def export_card(source, reference, settings, files):
    """Describes an export as a dict; see docs/export.md.

    Args:
        source: Source.
        reference: compare.Reference.
        settings: dict. What the export was told.
        files: list of dicts from `file_card`.
    """
    return {
        "model": source.name,
        "image_size": list(source.preprocessing.image_size),
        "num_classes": int(reference.logits.shape[-1]),
        "preprocessing": dataclasses.asdict(source.preprocessing),
        "test_images": "real" if reference.real else "random",
        "settings": {**settings, **source.origin},
        "versions": {
            name: importlib.metadata.version(name) for name in _PACKAGES
        },
        "files": files,
    }


def write(folder, card, name=FILE_NAME):
    """Writes a card, export.json if not told otherwise, into `folder`."""
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(card, file, indent=2)
        file.write("\n")


def read(folder):
    """Reads export.json from `folder`.

    Raises:
        ValueError: it is missing or damaged.
    """
    path = os.path.join(folder, FILE_NAME)
    try:
        with open(path, encoding="utf-8") as file:
            card = json.load(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(f"There is no {path}; export first") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
    report_fields.check(path, card, report_fields.EXPORT)
    return card


def table(card):
    """Lays out the files of an export for a terminal."""
    header = ["file", "MB", "top-1 %", "Keras %", "agree %", "max diff", "rel."]
    rows = [
        [
            file["file"],
            f"{file['size_bytes'] / 1e6:.2f}",
            console.percent(file["top1"]),
            console.percent(file["keras_top1"]),
            console.percent(file["agreement"]),
            f"{file['max_abs_diff']:.2g}",
            f"{file['relative_diff']:.2g}",
        ]
        for file in card["files"]
    ]
    count = card["files"][0]["num_images"]
    title = f"On {count} {card['test_images']} images, LiteRT against Keras:"
    return f"{title}\n{console.table(header, rows)}"

"""Gathers what a report tells: of training, export and latency."""

import csv
import dataclasses
import json
import os

from keras_mvit.export import card, files, report_fields
from keras_mvit.export.latency import results

_HISTORY = ("epoch", "loss", "top1", "val_loss", "val_top1")


@dataclasses.dataclass(frozen=True)
class ReportData:
    """What there is to report; None or empty where a step has not been done.

    Args:
        config: dict or None. `config.json` of the work directory.
        history: list of dicts, one an epoch: column -> float.
        evaluation: dict or None. `evaluation.json`.
        augmentation_png: bytes or None.
        export: dict or None. `export.json`.
        sensitivity: dict or None. `NAME_sensitivity.json`.
        measurements: list of Measurement. Latencies of this export's files
            and of baselines.
        left_out: list of str. Measured models that are not in the export.
    """

    config: dict | None
    history: list
    evaluation: dict | None
    augmentation_png: bytes | None
    export: dict | None
    sensitivity: dict | None
    measurements: list
    left_out: list


def gather(workdir=None, export_dir=None, latency_files=()):
    """Reads a `ReportData`.

    Latencies count for a file only if it has not changed since, by its
    SHA-256.

    Args:
        workdir: str or None. Work directory.
        export_dir: str or None. Folder with export.json.
        latency_files: list of str, or one. JSON files of `measure_latency`.

    Raises:
        ValueError: a folder or file that was named is missing or damaged, or
            there is nothing to report.
    """
    config = _read_json(workdir, "config.json", report_fields.CONFIG)
    if workdir is not None and config is None:
        raise ValueError(f"There is no config.json in workdir={workdir!r}")
    export = None if export_dir is None else card.read(export_dir)
    if config is None and export is None:
        raise ValueError("Nothing to report: give a workdir or an export_dir")
    known = {file["sha256"] for file in export["files"]} if export else set()
    measurements, left_out = [], []
    for path in files.listed(latency_files):
        measurement = results.read(path)
        report_fields.check(
            path, dataclasses.asdict(measurement), report_fields.LATENCY
        )
        kept = [
            r for r in measurement.results if r.is_baseline or r.sha256 in known
        ]
        left_out += sorted(
            {r.model for r in measurement.results} - {r.model for r in kept}
        )
        measurements.append(dataclasses.replace(measurement, results=kept))
    return ReportData(
        config=config,
        history=_read(workdir, "history.csv", _rows) or [],
        evaluation=_read_json(
            workdir, "evaluation.json", report_fields.EVALUATION
        ),
        augmentation_png=_read_bytes(workdir, "augmentation.png"),
        export=export,
        sensitivity=_sensitivity(export_dir, export),
        measurements=measurements,
        left_out=left_out,
    )


def _sensitivity(export_dir, export):
    # One of an earlier export may lie there still.
    if export is None or not export["settings"].get("sensitivity"):
        return None
    name = card.SENSITIVITY.format(export["model"])
    return _read_json(export_dir, name, report_fields.SENSITIVITY)


def _read_json(folder, name, form):
    value = _read(folder, name, json.loads)
    if value is not None:
        report_fields.check(os.path.join(folder, name), value, form)
    return value


def _read(folder, name, parse):
    content = _read_bytes(folder, name)
    if content is None:
        return None
    try:
        return parse(content.decode("utf-8"))
    except (ValueError, TypeError) as error:
        path = os.path.join(folder, name)
        raise ValueError(f"{path} is damaged: {error}") from error


def _read_bytes(folder, name):
    if folder is None or not os.path.isfile(os.path.join(folder, name)):
        return None
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def _rows(text):
    rows = [
        {column: float(value) for column, value in row.items()}
        for row in csv.DictReader(text.splitlines())
    ]
    for row in rows:
        missing = [column for column in _HISTORY if column not in row]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}")
    return rows

"""What a report says, block by block."""

from keras_mvit import console
from keras_mvit.export import report_figures
from keras_mvit.export.report_page import Figure, Heading, Table, Text

_SETTINGS = (
    "model",
    "dataset",
    "num_classes",
    "num_images",
    "image_size",
    "multi_scale",
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "label_smoothing",
    "ema_decay",
    "mixed_precision",
    "seed",
)


def title(data):
    """Names the report after its model and, if known, its data set."""
    if data.config:
        return f"{data.config['model']} on {data.config['dataset']}"
    return data.export["model"]


def blocks(data):
    """Turns a `ReportData` into a list of blocks."""
    return [
        *_exported(data),
        *_plotted(data),
        *_measured(data),
        *_learned(data),
        *_augmented(data),
        *_trained(data),
    ]


def _trained(data):
    if data.config is None:
        return [Text("There is no work directory: nothing on training.")]
    rows = [
        [name.replace("_", " "), _value(data.config[name])]
        for name in _SETTINGS
        if name in data.config
    ]
    versions = data.config.get("versions", {})
    return [
        Heading("What was trained"),
        Table(["setting", "value"], rows),
        Text("Versions: " + _value(versions) + "."),
    ]


def _learned(data):
    found = [Heading("Learning curve")]
    if data.history:
        svg = report_figures.learning_curve(data.history)
        found.append(Figure("learning_curve", "Loss and top-1 by epoch", svg))
    else:
        found.append(Text("There is no history: no epoch has been finished."))
    if data.evaluation:
        top1, top5 = data.evaluation["top1"], data.evaluation["top5"]
        found.append(
            Text(
                f"On the whole test set: top-1 {console.percent(top1)} %,"
                f" top-5 {console.percent(top5)} %, loss"
                f" {data.evaluation['loss']:.4f}."
            )
        )
    else:
        found.append(Text("The model has not been evaluated on the test set."))
    return found if data.config else []


def _augmented(data):
    if data.augmentation_png is None:
        return []
    return [
        Heading("Augmented training images"),
        Figure("augmentation", "One row a size", data.augmentation_png),
    ]


def _exported(data):
    heading = Heading("Exported files")
    if data.export is None:
        return [heading, Text("Nothing has been exported.")]
    files = data.export["files"]
    columns = _latency_columns(data)
    header = ["format", "MB", "ratio", "top-1 %", "Keras %", "agree %", "rel."]
    for name, _ in columns:
        header += [f"{name}, ms", "ratio"]
    rows = []
    for file in files:
        row = [
            file["format"],
            f"{file['size_bytes'] / 1e6:.2f}",
            f"{file['size_bytes'] / files[0]['size_bytes']:.2f}",
            console.percent(file["top1"]),
            console.percent(file["keras_top1"]),
            console.percent(file["agreement"]),
            f"{file['relative_diff']:.2g}",
        ]
        for _, latencies in columns:
            row += _latency_cells(latencies, file, files[0])
        rows.append(row)
    if columns:
        header.append("parts")
        for row, file in zip(rows, files, strict=True):
            result = columns[0][1].get(file["sha256"])
            row.append(str(result.num_partitions) if result else "n/a")
    return [heading, Table(header, rows), Text(_legend(data.export))]


def _legend(export):
    first = export["files"][0]
    size = "x".join(map(str, export["image_size"]))
    return (
        f"Input {size} px. Each file ran in the LiteRT interpreter on"
        f" {first['num_images']} {export['test_images']} images, against"
        " Keras. Agreement is the share of images on which both name the same"
        " class; rel. is the largest difference of a logit over the standard"
        f" deviation of Keras' logits. Ratios are to {first['format']}."
        " Parts are the pieces of the graph that XNNPACK took over; 1 is best."
    )


def _latency_columns(data):
    """Returns (name, sha256 -> Result) for each target's configurations."""
    targets = {measurement.target for measurement in data.measurements}
    columns = []
    for measurement in data.measurements:
        for name, results in measurement.by_configuration().items():
            if len(targets) > 1:
                name = f"{measurement.target}, {name}"
            columns.append((name, {r.sha256: r for r in results}))
    return columns


def _latency_cells(latencies, file, first):
    result, reference = (latencies.get(f["sha256"]) for f in (file, first))
    if result is None:
        return ["n/a", "n/a"]
    if reference is None:
        return [f"{result.median_ms:.3f}", "n/a"]
    ratio = result.median_ms / reference.median_ms
    return [f"{result.median_ms:.3f}", f"{ratio:.2f}"]


def _plotted(data):
    heading = Heading("Accuracy against latency")
    columns = _latency_columns(data)
    if not columns:
        return [heading, Text("Latency has not been measured on these files.")]
    name, latencies = columns[0]
    known = data.export["files"][0]["top1"] is not None
    key, label = ("top1", "top-1") if known else ("agreement", "agreement")
    points = [
        (
            file["format"],
            latencies[file["sha256"]].median_ms,
            100 * file[key],
        )
        for file in data.export["files"]
        if file["sha256"] in latencies
    ]
    svg = report_figures.accuracy_against_latency(
        points, f"median latency, ms ({name})", f"{label}, %"
    )
    return [heading, Figure("accuracy_latency", "One point a file", svg)]


def _measured(data):
    found = []
    for measurement in data.measurements:
        device, settings = measurement.device, measurement.settings
        found.append(
            Text(
                f"Latency on {device['name']}, {device['cores']} cores,"
                f" {device['os']}, {device['runtime']}:"
                f" median of {settings['runs']} runs after"
                f" {settings['warmup_runs']} to warm up, the files taking"
                " turns."
            )
        )
    if data.left_out:
        found.append(
            Text(
                "Measured, but not of this export as it is now:"
                f" {', '.join(data.left_out)}."
            )
        )
    return found


def _value(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)

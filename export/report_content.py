"""What a report says, block by block."""

from keras_mvit import console
from keras_mvit.export import report_figures, report_latency
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
_MOST_LAYERS = 16  # of the figure


def title(data):
    """Names the report after its model and, if known, its data set."""
    if data.config:
        return f"{data.config['model']} on {data.config['dataset']}"
    return data.export["model"]


def blocks(data):
    """Turns a `ReportData` into a list of blocks."""
    return [
        *_exported(data),
        *report_latency.blocks(data),
        *_sensitive(data),
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
    columns = report_latency.columns(data)
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
            row += report_latency.cells(latencies, file, files[0])
        rows.append(row)
    if columns:
        header.append("parts")
        for row, file in zip(rows, files, strict=True):
            result = columns[0][1].get(file["sha256"])
            parts = result and result.num_partitions
            row.append("n/a" if parts is None else str(parts))
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


def _sensitive(data):
    if data.sensitivity is None:
        return []
    layers = data.sensitivity["layers"]
    noises = [10 ** (-layer["snr_db"] / 10) for layer in layers]
    shares = [100 * noise / sum(noises) for noise in noises]
    found = sorted(
        zip(shares, (layer["layer"] for layer in layers), strict=True),
        reverse=True,
    )
    svg = report_figures.bars(
        [name for _, name in found[:_MOST_LAYERS]],
        {"int8": [share for share, _ in found[:_MOST_LAYERS]]},
        "share of the noise that int8 adds to the logits, %",
    )
    left = data.sensitivity["float_layers"]
    kept = f"Left in float32: {', '.join(left)}." if left else ""
    return [
        Heading("What int8 costs, layer by layer"),
        Figure("sensitivity", "One bar a layer, the most costly first", svg),
        Text(
            f"Each layer alone in int8, on {data.sensitivity['num_images']}"
            f" training images; {len(layers)} layers. {kept}".strip()
        ),
    ]


def _value(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)

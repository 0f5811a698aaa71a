"""A run on one page: summary.md, with its curves."""

import json
import shlex

import numpy as np

from keras_mvit.files import write_text
from keras_mvit.training.describe import describe_recipe
from keras_mvit.training.evaluation_counts import wilson_interval
from keras_mvit.training.evaluation_files import worst_classes
from keras_mvit.training.summary_curves import save_curves

_MAX_ROWS = 30
_MAX_CLASSES = 10


def write_summary(workdir, settings, history, evaluation):
    """Writes `summary.md` and `curves.png`.

    Args:
        workdir: `WorkDirectory` of the run.
        settings: `Settings`, resolved.
        history: list of dict, one an epoch, with `history.COLUMNS`.
        evaluation: dict, of `model.keras`, as `write_evaluation` returns it.
    """
    with open(workdir.file("config.json"), encoding="utf-8") as file:
        config = json.load(file)
    save_curves(workdir.file("curves.png"), history)
    parts = [
        f"# {settings.model} on {settings.dataset}",
        _results(history, evaluation),
        "![Curves](curves.png)",
        "## What was trained",
        _description(settings, config, history),
        "## Classes",
        _classes(evaluation),
        "## Epochs",
        _epochs(history),
        "## Going on",
        _commands(settings),
    ]
    write_text(workdir.file("summary.md"), "\n\n".join(parts) + "\n")


def thin(history, max_rows=_MAX_ROWS):
    """Some rows, evenly spread, with the first, the best and the last.

    Args:
        history: list of dict.
        max_rows: int, at least 3.

    Returns:
        list of dict: all rows, or `max_rows` at most.
    """
    if len(history) <= max_rows:
        return history
    chosen = np.linspace(0, len(history) - 1, max_rows - 1).round().astype(int)
    best = _best(history)["epoch"] - 1
    return [history[i] for i in sorted({*chosen.tolist(), best})]


def _results(history, evaluation):
    best, last = _best(history), history[-1]
    images, protocol = evaluation["images"], evaluation["protocol"]
    text = (
        f"Of {images:,} test images, at {protocol['image_size'][0]} px "
        f"(crop {protocol['crop_fraction']:.3g}, {protocol['interpolation']})."
    )
    name = f"`model.keras`, epoch {last['epoch']}"
    rows = [[name, *_figures(evaluation)]]
    if best is not last:
        low, high = wilson_interval(round(best["val_top1"] * images), images)
        figures = {key: best[f"val_{key}"] for key in ("loss", "top1", "top5")}
        figures |= {"top1_low": low, "top1_high": high}
        name = f"`best.keras`, epoch {best['epoch']}"
        rows.append([name, *_figures(figures)])
        text += (
            " The best epoch was chosen by its test top-1: that flatters it."
        )
    header = ["weights", "top-1", "95% interval", "top-5", "loss"]
    return f"{_table(header, rows)}\n\n{text}"


def _figures(metrics):
    return [
        f"{metrics['top1']:.2%}",
        f"{metrics['top1_low']:.2%} to {metrics['top1_high']:.2%}",
        f"{metrics['top5']:.2%}",
        f"{metrics['loss']:.4f}",
    ]


def _description(settings, config, history):
    images, versions = config["num_images"], config["versions"]
    sizes = ", ".join(
        f"{bucket['size_px']} px x {bucket['batch_size']}"
        for bucket in config["buckets"]
    )
    speed = np.median([row["images_per_second"] for row in history])
    lines = [
        f"{images['train']:,} training and {images['test']:,} test images, "
        f"{config['num_classes']} classes",
        *describe_recipe(settings),
        f"Batches of {sizes}; seed {settings.seed}; mixed precision: "
        f"{settings.mixed_precision}",
        f"{_duration(sum(row['seconds'] for row in history))} of training, "
        f"evaluation not counted; {speed:,.0f} images/s in the median epoch",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _classes(evaluation):
    worst = worst_classes(evaluation, _MAX_CLASSES)
    rows = [
        [row["name"], row["images"], row["correct"], f"{row['top1']:.1%}"]
        for row in worst
    ]
    text = _table(["worst classes", "images", "correct", "top-1"], rows)
    if "confusion.png" in evaluation["files"]:
        text += "\n\n![Confusion matrix](confusion.png)"
    return text


def _epochs(history):
    rows = [
        [
            row["epoch"],
            f"{row['learning_rate']:.1e}",
            f"{row['loss']:.3f}",
            f"{row['top1']:.1%}",
            f"{row['val_loss']:.3f}",
            f"{row['val_top1']:.2%}",
            f"{row['images_per_second']:,.0f}",
        ]
        for row in thin(history)
    ]
    header = ["epoch", "learning rate", "loss", "top-1"]
    header += ["test loss", "test top-1", "images/s"]
    return _table(header, rows)


def _commands(settings):
    folder = shlex.quote(settings.workdir)
    return (
        f"    keras-mvit-evaluate --workdir={folder} --weights=best\n"
        f"    keras-mvit-export --workdir={folder} --output_dir={folder}/export"
        "\n\n`keras-mvit-train` with the same flags and more `--epochs` than "
        f"{settings.epochs} trains on."
    )


def _best(history):
    return max(history, key=lambda row: row["val_top1"])


def _table(header, rows):
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in x] for x in lines]
    return "\n".join("| " + " | ".join(x) + " |" for x in cells)


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

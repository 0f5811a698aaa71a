"""What an evaluation leaves in the work directory."""

import dataclasses

from keras_mvit.console import percent, table
from keras_mvit.files import write_json
from keras_mvit.training.evaluation_picture import save_confusion


def write_evaluation(workdir, counts, pipeline, weights="ema", suffix=""):
    """Writes `evaluation.json` and `confusion.png`.

    Args:
        workdir: `WorkDirectory`.
        counts: `EvaluationCounts` of the test split.
        pipeline: `Pipeline` that they were counted on.
        weights: str. What was evaluated: `"ema"`, `"raw"` or `"best"`.
        suffix: str. Of the file names, before the dot.

    Returns:
        dict: what `evaluation.json` holds. The metrics of
        `EvaluationCounts.metrics`; `protocol`; `classes`, a list of dict with
        `name`, `images`, `correct` and `top1`, which is `None` of no images.
        And `files`, list of str, the names of those written.
    """
    source = pipeline.source
    preprocessing = dataclasses.asdict(pipeline.preprocessing)
    evaluation = {
        **counts.metrics(),
        "protocol": {
            "weights": weights,
            "dataset": source.name,
            "split": "test",
            # As JSON gives them back.
            **{k: _list(v) for k, v in preprocessing.items()},
        },
        "classes": class_accuracies(counts, source.class_names),
    }
    files = [f"evaluation{suffix}.json"]
    write_json(workdir.file(files[0]), evaluation)
    if counts.confusion is not None:
        files.append(f"confusion{suffix}.png")
        save_confusion(workdir.file(files[1]), counts, source.class_names)
    return {**evaluation, "files": files}


def class_accuracies(counts, class_names):
    """The accuracy of each class.

    Args:
        counts: `EvaluationCounts`.
        class_names: sequence of str.

    Returns:
        list of dict: `name`, `images`, `correct` and `top1`.
    """
    return [
        {
            "name": name,
            "images": images,
            "correct": correct,
            "top1": correct / images if images else None,
        }
        for name, images, correct in zip(
            class_names,
            counts.class_images.tolist(),
            counts.class_correct.tolist(),
            strict=True,
        )
    ]


def worst_classes(evaluation, count):
    """The classes of the lowest accuracy, lowest first.

    Args:
        evaluation: dict, from `write_evaluation`.
        count: int. At most so many.

    Returns:
        list of dict, of `evaluation["classes"]`.
    """
    seen = [row for row in evaluation["classes"] if row["images"]]
    return sorted(seen, key=lambda row: (row["top1"], -row["images"]))[:count]


def describe(evaluation, max_classes):
    """An evaluation in a line, and a table of its worst classes.

    Args:
        evaluation: dict, from `write_evaluation`.
        max_classes: int. Rows of the table, at most.

    Returns:
        str.
    """
    protocol = evaluation["protocol"]
    rows = [
        [
            row["name"],
            str(row["images"]),
            str(row["correct"]),
            percent(row["top1"]),
        ]
        for row in worst_classes(evaluation, max_classes)
    ]
    left_out = len(evaluation["classes"]) - len(rows)
    more = f"\nand {left_out} more classes" if left_out else ""
    return (
        f"top-1 {evaluation['top1']:.2%} "
        f"(95% interval {evaluation['top1_low']:.2%} to "
        f"{evaluation['top1_high']:.2%})  top-5 {evaluation['top5']:.2%}  "
        f"loss {evaluation['loss']:.4f}  {evaluation['images']} images, "
        f"{protocol['weights']} weights, {protocol['image_size'][0]} px, "
        f"crop {protocol['crop_fraction']:.3g}, {protocol['interpolation']}\n\n"
        + table(["worst classes", "images", "correct", "top-1 %"], rows)
        + f"{more}\n\nWritten: {', '.join(evaluation['files'])}"
    )


def _list(value):
    return list(value) if isinstance(value, tuple) else value

"""From a trained model to checked, compared LiteRT files in a folder."""

import dataclasses
import os

import numpy as np

from keras_mvit.export import (
    card,
    compare,
    convert,
    files,
    images,
    metadata,
    packaging,
    quantize,
    sensitivity,
)
from keras_mvit.export.calibration import pixel_range
from keras_mvit.export.formats import FORMATS, get_formats
from keras_mvit.export.learned_ranges import tensor_ranges

CALIBRATION_IMAGES = 256  # where there are so many
_NUM_RANDOM_IMAGES = 32


def export(
    source,
    formats,
    output_dir,
    num_calibration_images=None,
    seed=0,
    log=print,
    presentation=packaging.LOGITS,
    analyze_layers=False,
    max_accuracy_drop=None,
    split_convolutions=True,
):
    """Writes one checked file a format with its card, labels and export.json.

    Either all of them are written or, if any file cannot run or deviates
    from Keras beyond its bound, none: what `output_dir` held stays.

    Args:
        source: Source.
        formats: list of str. Names in `formats.FORMATS`.
        output_dir: str. Made if it is not there.
        num_calibration_images: int or None. For int8; None: 256, or as many
            as there are. Analyzing layers leaves half of them uncalibrated.
        seed: int. Of the choice of calibration images, and of the random
            images that stand in for missing test images.
        log: callable that takes a line and tells the user.
        presentation: packaging.Presentation. Output and metadata of the files.
        analyze_layers: bool. Whether to say what each layer costs in int8, and
            to write it to NAME_sensitivity.json.
        max_accuracy_drop: float or None. Most of top-1 that int8 may lose, on
            calibration images that are not calibrated on; layers that cost
            most stay float32 until it is met. Analyzes layers, too.
        split_convolutions: bool. Whether 3x3 convolutions of float32 and
            float16 take Winograd's products, which is faster on CPUs: see
            `winograd.split`.

    Returns:
        dict, the content of export.json; see docs/export.md.

    Raises:
        ValueError: an unknown format, too few calibration images, a folder
            that cannot be written to or has another model's export, or a file
            that is not good enough.
    """
    rows = get_formats(formats, presentation.types)
    packaging.check_formats(rows, presentation)
    _check_folder(output_dir, source.name)
    analyze_layers = analyze_layers or max_accuracy_drop is not None
    calibration = held_out = None
    if any(row.activation_bits for row in rows):
        if num_calibration_images is None:
            num_calibration_images = _usual_count(source, analyze_layers)
        calibration, held_out = _calibration(
            source, num_calibration_images, seed
        )
    if analyze_layers:
        sensitivity.check(rows, held_out, max_accuracy_drop)
    obsolete = [metadata.LABELS_FILE] if source.labels is None else []
    with files.staged(output_dir, obsolete) as stage:
        height, width = source.preprocessing.image_size
        log(f"Converting {source.name} at {height}x{width} px")
        float32 = convert.to_float32(source.model, (height, width))
        packaging.check(float32, presentation)
        ranges = _known_ranges(float32, source)
        reference = _reference(source, seed, log)
        float_outputs = ()
        if analyze_layers:
            found, float_outputs = sensitivity.analyze(
                float32,
                calibration,
                ranges,
                held_out,
                max_accuracy_drop,
                log,
                source.model,
            )
            card.write(stage, found, card.SENSITIVITY.format(source.name))
        cards = []
        for row in rows:
            name = f"{source.name}_{row.name}.tflite"
            log(f"Making {name}")
            try:
                content = quantize.quantize_file(
                    float32,
                    row,
                    calibration,
                    ranges,
                    *presentation.types,
                    float_outputs if row.name == sensitivity.FORMAT else (),
                    split_convolutions,
                )
                comparison = reference.judge(content, row, presentation.types)
                content = packaging.package(
                    content, source, row.name, presentation
                )
            except ValueError as error:
                raise ValueError(
                    f"{name}: {error}. Nothing was written to {output_dir}"
                ) from error
            described = card.file_card(name, row, content, comparison)
            _write_file(stage, content, described, source)
            cards.append(described)
        settings = {
            "num_calibration_images": num_calibration_images,
            "seed": seed,
            "sensitivity": analyze_layers,
            "max_accuracy_drop": max_accuracy_drop,
            "split_convolutions": split_convolutions,
            **dataclasses.asdict(presentation),
        }
        result = card.export_card(source, reference, settings, cards)
        card.write(stage, result)
        _write_labels(stage, source.labels)
    _tell_what_stays(output_dir, source, cards, log)
    return result


def _check_folder(output_dir, name):
    """Spares the labels and export.json of another model."""
    try:
        there = card.read(output_dir)["model"]
    except ValueError:
        return  # none, or one that nobody can read
    if there != name:
        raise ValueError(
            f"output_dir={output_dir!r} has an export of {there!r}; expected"
            f" one of {name!r}, or a folder without, as a folder has one"
            f" {card.FILE_NAME} and one {metadata.LABELS_FILE}"
        )


def _known_ranges(float32, source):
    """Returns those that calibration need not find."""
    learned = {}
    if source.ranges is not None:
        learned = tensor_ranges(float32, source.ranges)
    return learned | pixel_range(float32, source.preprocessing)


def _reference(source, seed, log):
    test = source.test
    if test is None:
        size = source.preprocessing.image_size
        test = images.random_images(_NUM_RANDOM_IMAGES, size, seed)
        log(
            f"No test images: comparing on {len(test)} random ones, so top-1"
            " stays unknown"
        )
    elif test.labels is None:
        log("No class is known of the test images, so top-1 stays unknown")
    return compare.Reference(
        model=convert.in_float32(source.model),
        inputs=images.ModelInputs(test.images, source.preprocessing),
        labels=test.labels,
        real=source.test is not None,
    )


def _usual_count(source, analyze_layers):
    available = 0 if source.calibration is None else len(source.calibration)
    half = available // 2 or available
    return min(CALIBRATION_IMAGES, half if analyze_layers else available)


def _calibration(source, count, seed):
    """Returns `count` calibration images, chosen at random, and the others.

    The first are model inputs, the others `sensitivity.HeldOut`.
    """
    if source.calibration is None:
        raise ValueError(
            "Formats of integer activations, such as 'int8', need calibration"
            " images: give a work directory or --calibration_images"
        )
    available = len(source.calibration)
    if not 0 < count <= available:
        raise ValueError(
            f"num_calibration_images is {count}; there are {available}"
        )
    order = np.random.default_rng(seed).permutation(available)
    chosen, others = (
        source.calibration.images[indices]
        for indices in (order[:count], order[count:])
    )
    if chosen.min() == chosen.max():  # LiteRT does not survive empty ranges
        raise ValueError(
            f"All pixels of the calibration images are {chosen.min()};"
            " expected images such as the model will see"
        )
    chosen, others = (
        images.ModelInputs(pixels, source.preprocessing)
        for pixels in (chosen, others)
    )
    labels = source.calibration.labels
    labels = None if labels is None else labels[order[count:]]
    return chosen, sensitivity.HeldOut(others, labels)


def _write_file(folder, content, described, source):
    """Writes a LiteRT file and its card for those who put it into an app."""
    path = os.path.join(folder, described["file"])
    with open(path, "wb") as file:
        file.write(content)
    name = described["file"].removesuffix(".tflite") + ".json"
    card.write(folder, card.app_card(described, content, source), name)


def _write_labels(folder, labels):
    if labels is not None:
        path = os.path.join(folder, metadata.LABELS_FILE)
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{label}\n" for label in labels))


def _tell_what_stays(folder, source, cards, log):
    """Names files of the model that are of an earlier export."""
    made = {one["file"] for one in cards}
    for format_name in FORMATS:
        name = f"{source.name}_{format_name}.tflite"
        if name not in made and os.path.exists(os.path.join(folder, name)):
            log(f"{name} stays, of an earlier export")

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
    packaging,
    quantize,
)

_NUM_RANDOM_IMAGES = 32


def export(
    source,
    formats,
    output_dir,
    num_calibration_images=256,
    seed=0,
    log=print,
    presentation=packaging.LOGITS,
):
    """Writes one checked file a format with its card, labels and export.json.

    Either all of them are written or, if any file cannot run or deviates
    from Keras beyond its bound, none: what `output_dir` held stays.

    Args:
        source: Source.
        formats: list of str. Names in `quantize.FORMATS`.
        output_dir: str. Made if it is not there.
        num_calibration_images: int. For int8.
        seed: int. Of the choice of calibration images, and of the random
            images that stand in for missing test images.
        log: callable that takes a line and tells the user.
        presentation: packaging.Presentation. Output and metadata of the files.

    Returns:
        dict, the content of export.json; see docs/export.md.

    Raises:
        ValueError: an unknown format, too few calibration images, a folder
            that cannot be written to, or a file that is not good enough.
    """
    rows = quantize.get_formats(formats)
    calibration = None
    if any(row.activations for row in rows):
        calibration = _calibration(source, num_calibration_images, seed)
    with files.staged(output_dir) as stage:
        height, width = source.preprocessing.image_size
        log(f"Converting {source.name} at {height}x{width} px")
        float32 = convert.to_float32(source.model, (height, width))
        reference = _reference(source, seed, log)
        cards = []
        for row in rows:
            name = f"{source.name}_{row.name}.tflite"
            log(f"Making {name}")
            try:
                content = quantize.quantize_file(float32, row, calibration)
                comparison = reference.judge(content, row)
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
            **dataclasses.asdict(presentation),
        }
        result = card.export_card(source, reference, settings, cards)
        card.write(stage, result)
        _write_labels(stage, source.labels)
    return result


def _reference(source, seed, log):
    test = source.test
    if test is None:
        size = source.preprocessing.image_size
        test = images.random_images(_NUM_RANDOM_IMAGES, size, seed)
        log(
            f"No test images: comparing on {len(test)} random ones, so top-1"
            " stays unknown"
        )
    return compare.Reference(
        model=source.model,
        inputs=images.ModelInputs(test.images, source.preprocessing),
        labels=test.labels,
        real=source.test is not None,
    )


def _calibration(source, count, seed):
    """Returns `count` calibration images, chosen at random, as model input."""
    if source.calibration is None:
        raise ValueError(
            "Format 'int8' needs calibration images: give a work directory or"
            " --calibration_images"
        )
    available = len(source.calibration)
    if not 0 < count <= available:
        raise ValueError(
            f"num_calibration_images is {count}; there are {available}"
        )
    chosen = np.random.default_rng(seed).permutation(available)[:count]
    return images.ModelInputs(
        source.calibration.images[chosen], source.preprocessing
    )


def _write_file(folder, content, described, source):
    """Writes a LiteRT file and its card for those who put it into an app."""
    path = os.path.join(folder, described["file"])
    with open(path, "wb") as file:
        file.write(content)
    name = described["file"].removesuffix(".tflite") + ".json"
    card.write(folder, card.app_card(described, content, source), name)


def _write_labels(folder, labels):
    if labels is not None:
        path = os.path.join(folder, "labels.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{label}\n" for label in labels))

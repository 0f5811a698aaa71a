"""A LiteRT file against the Keras model it came from, on the same images."""

import dataclasses

import numpy as np

from keras_mvit.export import check, convert

# On random images more noise is accepted: nothing has taught the model to
# ignore it there, and with random weights nowhere.
_RANDOM_IMAGES_FACTOR = 2


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How far a file is from its Keras model.

    Args:
        num_images: int. How many images both were run on.
        top1: float or None. Share of labels the file gets right.
        keras_top1: float or None. Share of labels Keras gets right.
        agreement: float. Share of images on which both name one class.
        max_abs_diff: float. Largest difference of a logit.
        relative_diff: float. That, over the deviation of Keras' logits.
        rms_diff: float. Root mean square of the differences, over the same.
    """

    num_images: int
    top1: float | None
    keras_top1: float | None
    agreement: float
    max_abs_diff: float
    relative_diff: float
    rms_diff: float


def compare(logits, keras_logits, labels=None):
    """Compares two sets of logits (N, classes).

    Args:
        logits: float32 array, of the file.
        keras_logits: float32 array, of Keras.
        labels: int array (N,), or None where they are unknown.

    Returns:
        Comparison.

    Raises:
        ValueError: Keras' logits are not finite, as after a training that
            diverged.
    """
    if not np.isfinite(keras_logits).all():
        raise ValueError("The Keras model returns values that are not finite")
    difference = np.abs(logits - keras_logits)
    # Of a single logit there is no deviation; its size will do.
    largest = float(np.abs(keras_logits).max())
    deviation = float(keras_logits.std()) or largest or 1.0
    classes, keras_classes = logits.argmax(-1), keras_logits.argmax(-1)
    known = labels is not None
    return Comparison(
        num_images=len(logits),
        top1=float(np.mean(classes == labels)) if known else None,
        keras_top1=float(np.mean(keras_classes == labels)) if known else None,
        agreement=float(np.mean(classes == keras_classes)),
        max_abs_diff=float(difference.max()),
        relative_diff=float(difference.max()) / deviation,
        rms_diff=float(np.sqrt(np.mean(difference**2))) / deviation,
    )


def enforce(result, row, real):
    """Raises `ValueError` if a comparison is beyond the bounds of a format.

    The noise of the logits is what tells a broken file from a working one: it
    hardly depends on the number of images and classes, nor on the CPU.

    Args:
        result: Comparison.
        row: formats.Format.
        real: bool. Whether the images are real test images. On random ones
            the classes are too close together for agreement to mean much, so
            only the differences count.
    """
    beyond = _differences_beyond(result, row, real)
    if real and result.agreement < row.min_agreement:
        beyond.append(
            f"top-1 agrees on {result.agreement:.1%} of the images, at least"
            f" {row.min_agreement:.1%} is accepted"
        )
    # One image more, so that a small test set does not fail on a single one.
    most = row.max_top1_drop + 1 / result.num_images
    if result.top1 is not None and result.keras_top1 - result.top1 > most:
        beyond.append(
            f"top-1 falls from {result.keras_top1:.1%} to {result.top1:.1%},"
            f" by at most {row.max_top1_drop:.1%} is accepted"
        )
    if beyond:
        raise ValueError("it deviates from Keras: " + "; ".join(beyond))


def _differences_beyond(result, row, real):
    """Returns what to say of differences that are too large, if any are."""
    beyond = []
    most = row.max_rms_diff * (1 if real else _RANDOM_IMAGES_FACTOR)
    if not result.rms_diff <= most:
        beyond.append(
            f"logits differ by {result.rms_diff:.3g} standard deviations (root"
            f" mean square), at most {most:g} is accepted"
        )
    largest = row.max_relative_diff
    if largest is not None and not result.relative_diff <= largest:
        beyond.append(
            f"a logit differs by {result.relative_diff:.3g} standard"
            f" deviations, at most {largest:g} is accepted"
        )
    return beyond


class Reference:
    """Keras' answers on some images, to hold every file against.

    Args:
        model: keras.Model that returns logits.
        inputs: images.ModelInputs, or float32 (N, H, W, 3).
        labels: int array (N,), or None where they are unknown.
        real: bool. Whether the images are real test images.
    """

    def __init__(self, model, inputs, labels=None, real=True):
        self.inputs = inputs
        self.labels = labels
        self.real = real
        self.logits = _keras_logits(model, inputs)

    def judge(self, content, row, types=check.FLOAT):
        """Runs a LiteRT file on the images.

        Args:
            content: bytes. The file.
            row: formats.Format. Its bounds are the measure.
            types: (str, str). What the file should take and return.

        Returns:
            Comparison.

        Raises:
            ValueError: the file cannot run, or deviates beyond a bound.
        """
        height, width, _ = self.inputs[0].shape
        num_outputs = self.logits.shape[-1]
        model = check.check(content, (height, width), num_outputs, types)
        logits = model.predict(self.inputs, progress=row.name)
        result = compare(logits, self.logits, self.labels)
        enforce(result, row, self.real)
        return result


def _keras_logits(model, inputs, batch_size=32):
    import keras
    import tqdm

    batches = []
    steps = range(0, len(inputs), batch_size)
    # On the CPU: a GPU may multiply in TensorFloat-32, which is further from
    # float32 than the files are allowed to be.
    with keras.device("cpu"):
        for start in tqdm.tqdm(steps, "Keras", leave=False, disable=None):
            batch = convert.as_input(model, inputs[start : start + batch_size])
            batches.append(np.asarray(model(batch, training=False)))
    return np.concatenate(batches).astype(np.float32)

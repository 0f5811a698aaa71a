"""Images that cannot be read: named when one stops a run, or left out."""

import contextlib
import sys

import tensorflow as tf
import tqdm

from keras_mvit.training.data.decode import decode, decode_image
from keras_mvit.training.data.source import SPLITS, WHOLE
from keras_mvit.training.data.untuned import untuned

_REMEDY = (
    "Repair or remove it, or pass --skip_bad_images to leave out all such "
    "images"
)
# To look for an image would take long.
_NOT_OF_AN_IMAGE = (
    tf.errors.ResourceExhaustedError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)


@contextlib.contextmanager
def naming_bad_images(
    source, split, order=None, first=lambda: 0, shard=WHOLE, remedy=_REMEDY
):
    """Turns tf.data's error about some image into one that names it.

    tf.data says what was wrong with an image's bytes, but not whose they were.
    Reading every image twice to know beforehand would cost too much, so the
    images are tried one by one after the fact, in the order they were read.

    Args:
        source: `Source`.
        split: str. `"train"` or `"test"`.
        order: as of `Source.elements`.
        first: callable giving the int number of images surely read well, of
            those of the shard.
        shard: as of `Source.elements`.
        remedy: str. What to do about it.

    Raises:
        ValueError: an image could not be decoded; names it and the remedy.
    """
    try:
        yield
    except _NOT_OF_AN_IMAGE:
        raise
    except tf.errors.OpError as error:
        elements = source.elements(split, order, shard)
        for element in elements.skip(first()):
            if reason := _why_unreadable(source, element):
                raise ValueError(
                    f"Cannot read image {_name(element)}: {reason}. {remedy}"
                ) from error
        raise


def leave_out_bad_images(source, splits=SPLITS):
    """Tries every image and excludes those that cannot be decoded.

    Args:
        source: `Source`, changed in place.
        splits: sequence of str. Defaults to both.

    Returns:
        dict of split to list of str: the names of the excluded images.

    Raises:
        ValueError: the source cannot exclude, or a class would be empty.
    """
    excluded = {}
    for split in splits:
        excluded[split] = list(_bad_names(source, split))
        if excluded[split]:
            source.exclude(split, excluded[split])
    return excluded


def report_left_out(excluded, report=print):
    """Tells which images are left out.

    Args:
        excluded: dict, as of `leave_out_bad_images`.
        report: callable of a line.
    """
    for split, names in excluded.items():
        report(f"Left out {len(names)} unreadable {split} images")
        for name in names:
            report(f"  {name}")


def _bad_names(source, split):
    good = _good_names(source, split)
    if len(good) < source.num_images[split]:
        for element in source.elements(split):
            if _name(element) not in good:
                yield _name(element)


def _good_names(source, split):
    # The number of pixels is asked for so that they are really decoded.
    decoded = source.elements(split).map(
        lambda e: (e["name"], tf.size(_decoded(source.read(e)))),
        tf.data.AUTOTUNE,
        deterministic=False,
    )
    names = tqdm.tqdm(
        untuned(decoded.ignore_errors()).as_numpy_iterator(),
        f"Checking {split} images",
        source.num_images[split],
        leave=False,
        disable=not sys.stderr.isatty(),
    )
    return {name.decode() for name, _ in names}


def _decoded(image):
    return decode_image(image) if image.dtype == tf.string else image


def _why_unreadable(source, element):
    try:
        image = source.read(element)
        if image.dtype == tf.string:
            decode(image.numpy())
    except ValueError as error:
        return str(error)
    except (tf.errors.OpError, OSError) as error:
        lines = str(getattr(error, "message", error)).strip().splitlines()
        # "{{function_node ...}} what was wrong [Op:...]"
        reason = lines[0].rpartition("}} ")[2].partition(" [Op:")[0]
        return reason.rstrip(". ") or type(error).__name__
    return None


def _name(element):
    return element["name"].numpy().decode()

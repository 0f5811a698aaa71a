"""The curves of a run: history.csv, TensorBoard, and a line an epoch."""

import csv
import io
import os
import time

import tensorflow as tf
from PIL import Image

from keras_mvit.files import write_text

COLUMNS = (
    "epoch",
    "steps",
    "images",
    "learning_rate",
    "loss",
    "top1",
    "val_loss",
    "val_top1",
    "val_top5",
    "seconds",
    "images_per_second",
)
_EVENTS = "events.out.tfevents.0.keras_mvit"
_RISE = 1.05  # of the training loss, that is not chance


def write_csv(path, rows):
    """Writes all rows so far.

    Args:
        path: str.
        rows: list of dict with the keys `COLUMNS`, one an epoch.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


class TensorBoardCurves:
    """Writes the same figures for TensorBoard, which need not be installed.

    There is one file. It is begun anew with all rows so far, so that a resumed
    run leaves neither gaps nor doublets.

    Args:
        folder: str.
        rows: list of dict, the history so far.
    """

    def __init__(self, folder, rows=()):
        os.makedirs(folder, exist_ok=True)
        self._file = tf.io.TFRecordWriter(os.path.join(folder, _EVENTS))
        self._add(tf.compat.v1.Event(file_version="brain.Event:2"))
        for row in rows:
            self.write(row)

    def write(self, row):
        """Adds one epoch."""
        values = [
            tf.compat.v1.Summary.Value(tag=name, simple_value=row[name])
            for name in COLUMNS[3:]
        ]
        summary = tf.compat.v1.Summary(value=values)
        self._add(tf.compat.v1.Event(step=row["epoch"], summary=summary))

    def write_image(self, tag, path, step=0):
        """Adds a picture.

        Args:
            tag: str. Its name.
            path: str. A `.png` file; one that is not there is left out.
            step: int. The epoch it belongs to; 0 for before the first.
        """
        if not os.path.exists(path):
            return
        with open(path, "rb") as file:
            encoded = file.read()
        with Image.open(io.BytesIO(encoded)) as image:
            picture = tf.compat.v1.Summary.Image(
                width=image.width,
                height=image.height,
                colorspace=len(image.getbands()),
                encoded_image_string=encoded,
            )
        value = tf.compat.v1.Summary.Value(tag=tag, image=picture)
        summary = tf.compat.v1.Summary(value=[value])
        self._add(tf.compat.v1.Event(step=step, summary=summary))

    def _add(self, event):
        event.wall_time = time.time()
        try:
            self._file.write(event.SerializeToString())
            self._file.flush()
        except tf.errors.OpError as error:
            raise OSError(error.message) from error


def summary_lines(history, epochs):
    """What is printed after an epoch.

    Args:
        history: list of dict, the rows so far.
        epochs: int. Of the run.

    Returns:
        str: a line, and a note if training has undone what it had learnt.
    """
    first, row = history[0]["loss"], history[-1]
    text = (
        f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"loss {row['loss']:.3f}  top-1 {row['top1']:6.1%}  "
        f"test loss {row['val_loss']:.3f}  top-1 {row['val_top1']:6.1%}  "
        f"lr {row['learning_rate']:.1e}  "
        f"{row['images_per_second']:.0f} images/s  {row['seconds']:.1f} s"
    )
    if row["loss"] > _RISE * first:
        text += (
            "\nNote: the training loss is above that of the first epoch, "
            f"{first:.3f}; a lower --learning_rate may help."
        )
    return text

"""The curves of a run: history.csv, TensorBoard, and a line an epoch."""

import csv
import io

import tensorflow as tf

from keras_mvit.training.files import write_text

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
    """Writes the same figures for TensorBoard.

    Args:
        folder: str. A file is added for every start of the run.
    """

    def __init__(self, folder):
        self._writer = tf.summary.create_file_writer(folder)

    def write(self, row):
        """Writes one epoch."""
        with self._writer.as_default():
            for name in COLUMNS[3:]:
                tf.summary.scalar(name, row[name], step=row["epoch"])
        self._writer.flush()


def summary_line(row, epochs):
    """What is printed after an epoch."""
    return (
        f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"loss {row['loss']:.3f}  top-1 {row['top1']:6.1%}  "
        f"test loss {row['val_loss']:.3f}  top-1 {row['val_top1']:6.1%}  "
        f"lr {row['learning_rate']:.1e}  "
        f"{row['images_per_second']:.0f} images/s  {row['seconds']:.1f} s"
    )

"""The embedded data set: real handwritten digits, nothing to download."""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.shuffle import permutation
from keras_mvit.training.data.source import WHOLE, Source

SIZE_PX = 64
_TEST_FRACTION = 0.2
_SPLIT_SEED = 0  # fixed: figures of different runs stay comparable


class Digits(Source):
    """The 1797 handwritten digits of scikit-learn, enlarged to 64 px RGB.

    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998
    (https://doi.org/10.24432/C50P49): 8x8 pixels of 16 grey levels. A fifth of
    each class, always the same, is the test split.
    """

    def __init__(self):
        images, labels = _load()
        test = _test_rows(labels)
        self._rows = {
            "train": np.flatnonzero(~test),
            "test": np.flatnonzero(test),
        }
        self._images, self._labels = images, labels
        super().__init__(
            name="digits",
            class_names=[str(digit) for digit in range(10)],
            num_images={k: len(rows) for k, rows in self._rows.items()},
            # A mirrored 2 is no 2, and half a 6 may be a 0.
            augmentation=Augmentation((0.6, 1.0), (4 / 5, 5 / 4), False),
            image_size=SIZE_PX,
        )

    def elements(self, split, order=None, shard=WHOLE):
        """See `Source.elements`."""
        rows = self._rows[split]
        rows = rows if order is None else permutation(rows, order)
        index, count = shard
        rows = rows[index::count]
        return tf.data.Dataset.from_tensor_slices(
            {
                "name": [f"digits/{row}" for row in rows],
                "label": self._labels[rows],
                "row": rows,
            }
        )

    def read(self, element):
        """See `Source.read`."""
        grey = tf.gather(self._images, element["row"])  # (8, 8)
        image = tf.image.resize(
            grey[..., tf.newaxis], (SIZE_PX, SIZE_PX), "bicubic"
        )
        image = tf.clip_by_value(tf.round(image), 0.0, 255.0)
        return tf.image.grayscale_to_rgb(tf.cast(image, tf.uint8))

    def exclude(self, split, names):
        """See `Source.exclude`."""
        raise ValueError(f"All digits can be read, got {sorted(names)}")


def _load():
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.float32)
    return images, digits.target.astype(np.int64)  # (1797, 8, 8), (1797,)


def _test_rows(labels):
    generator = np.random.default_rng(_SPLIT_SEED)
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        test[rows[: round(_TEST_FRACTION * len(rows))]] = True
    return test

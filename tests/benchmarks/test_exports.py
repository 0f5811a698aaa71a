import dataclasses

import keras
import numpy as np
import pytest

from benchmarks import exports
from keras_mvit.export import compare, convert, formats, quantize
from tests.export.broken_files import convert_function

ROWS = [formats.FORMATS[name] for name in ("float32", "int8", "int8_full")]


@pytest.fixture(scope="module")
def case():
    """A float32 file, calibration images, ranges, and Keras' answers."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(16, 3, activation="sigmoid")(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.softmax(x))
    model = keras.Model(image, keras.layers.Dense(5)(x))
    images = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    reference = compare.Reference(model, images, real=False)
    return convert.to_float32(model, (8, 8)), images, {}, reference


@pytest.mark.parametrize("row", ROWS)
def test_a_good_file(row, case):
    (_, partitions, noise), miss = exports._judge(row, *case)
    assert miss is None
    assert partitions == 1 or row.integer_only
    assert float(noise) < row.max_rms_diff


_QUANTIZE = quantize.quantize_file


def _other_function(content, row, *_):
    """A file that runs, and whose logits say nothing."""
    return convert_function(lambda image: image[:, 0, :5, 0])


def _cannot_be_made(content, row, *_):
    raise ValueError("no integer form")


def _without_exceptions(content, row, *rest):
    """Has an int8 softmax, which leaves the delegate."""
    return _QUANTIZE(content, dataclasses.replace(row, float_ops=()), *rest)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (_other_function, "logits differ by"),
        (_cannot_be_made, "no integer form"),
        (_without_exceptions, "partitions"),
    ],
)
def test_a_bad_file_is_missed(wrong, message, case, monkeypatch):
    monkeypatch.setattr(quantize, "quantize_file", wrong)
    _, miss = exports._judge(formats.FORMATS["int8"], *case)
    assert message in miss

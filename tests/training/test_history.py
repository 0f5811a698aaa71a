import csv

import pytest
import tensorflow as tf

import keras_mvit.training
from keras_mvit.training.history import COLUMNS, TensorBoardCurves, write_csv


def row(epoch):
    return {**dict.fromkeys(COLUMNS, 0.5), "epoch": epoch}


def read_events(folder):
    (path,) = folder.iterdir()
    curves = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            steps = curves.setdefault(value.tag, [])
            steps.append((event.step, value.simple_value))
    return curves


def test_csv(tmp_path):
    write_csv(tmp_path / "history.csv", [row(1), row(2)])
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [r["epoch"] for r in rows] == ["1", "2"]
    assert tuple(rows[0]) == COLUMNS


def test_tensorboard_has_every_epoch_once(tmp_path):
    curves = TensorBoardCurves(tmp_path)
    curves.write(row(1))
    curves.write(row(2))  # an epoch that its checkpoint did not survive
    TensorBoardCurves(tmp_path, [row(1)]).write(row(2))
    events = read_events(tmp_path)
    assert set(events) == set(COLUMNS[3:])
    assert events["val_top1"] == [(1, 0.5), (2, 0.5)]


def test_public_names():
    for name in keras_mvit.training.__all__:
        assert getattr(keras_mvit.training, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'trian_model'"):
        _ = keras_mvit.training.trian_model

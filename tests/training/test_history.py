import csv

import pytest
import tensorflow as tf
from PIL import Image

import keras_mvit.training
from keras_mvit.training.history import (
    COLUMNS,
    TensorBoardCurves,
    summary_lines,
    write_csv,
)


def row(epoch):
    return {**dict.fromkeys(COLUMNS, 0.5), "epoch": epoch}


def read_records(path):
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        yield tf.compat.v1.Event.FromString(record)


def read_events(folder):
    (path,) = folder.iterdir()
    curves = {}
    for event in read_records(path):
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


def test_tensorboard_has_pictures(tmp_path):
    path = tmp_path / "grid.png"
    Image.new("RGB", (20, 10), "red").save(path)
    curves = TensorBoardCurves(tmp_path / "events", [row(1)])
    curves.write_image("augmentation", str(path))
    curves.write_image("confusion", str(tmp_path / "none.png"), step=1)
    curves.write(row(2))
    (events,) = (tmp_path / "events").iterdir()
    (picture,) = (
        (event.step, value)
        for event in read_records(events)
        for value in event.summary.value
        if value.HasField("image")
    )
    step, value = picture
    assert (step, value.tag) == (0, "augmentation")
    assert (value.image.width, value.image.height) == (20, 10)
    assert value.image.colorspace == 3
    assert value.image.encoded_image_string == path.read_bytes()


def test_public_names():
    for name in keras_mvit.training.__all__:
        assert getattr(keras_mvit.training, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'trian_model'"):
        _ = keras_mvit.training.trian_model


@pytest.mark.parametrize(
    "losses, noted",
    [((1.5,), False), ((1.0, 0.6, 1.04), False), ((1.0, 0.6, 1.06), True)],
)
def test_a_loss_that_rises_is_noted(losses, noted):
    history = [row(i + 1) | {"loss": loss} for i, loss in enumerate(losses)]
    first, *more = summary_lines(history, 9).splitlines()
    assert first.startswith(f"epoch {len(losses)}/9  loss {losses[-1]:.3f}")
    assert len(more) == noted
    if noted:
        assert "first epoch, 1.000; a lower" in more[0]

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.models import Preprocessing
from keras_mvit.training.data import pipeline as pipeline_module
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.source import Source

BUCKETS = make_buckets(32, 16, 32, 64, 3, 16)


class Numbered(Source):
    """Grey images whose brightness is their number."""

    def __init__(self, count):
        counts = {"train": count, "test": 5}
        super().__init__("numbered", ["a", "b", "c"], counts)

    def elements(self, split, order=None, shard=(0, 1)):
        number = tf.data.Dataset.range(self.num_images[split])
        return number.map(
            lambda n: {"name": tf.as_string(n), "label": n % 3, "number": n}
        )

    def read(self, element):
        return tf.fill([40, 50, 3], tf.cast(element["number"], tf.uint8))

    def exclude(self, split, names):
        self.num_images[split] -= len(names)


def make_pipeline(source, size=32, **kwargs):
    preprocessing = Preprocessing(image_size=(size, size))
    return Pipeline(source, preprocessing, BUCKETS, **kwargs)


@pytest.mark.parametrize("count", [1, 16, 250])
@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epoch_is_as_planned_and_sees_each_image_once(count, epoch):
    pipeline = make_pipeline(Numbered(count))
    plan = pipeline.plan(epoch)
    batches = list(pipeline.epoch(epoch))
    assert len(pipeline.epoch(epoch)) == len(batches) == plan.steps
    for (images, labels), size, batch in zip(
        batches, plan.sizes_px, plan.batch_sizes, strict=True
    ):
        assert images.shape == (batch, size, size, 3)
        assert images.dtype == tf.float32
        assert labels.shape == (batch, 3)
    # The brightness survives crop, flip and resize.
    numbers = np.concatenate([x[:, 0, 0, 0] * 255 for x, _ in batches])
    np.testing.assert_array_equal(np.round(numbers), np.arange(count))
    labels = np.concatenate([np.argmax(y, axis=-1) for _, y in batches])
    np.testing.assert_array_equal(labels, np.arange(count) % 3)


def test_batches_can_all_be_whole():
    pipeline = make_pipeline(Numbered(250), whole_batches=True)
    full = {bucket.size_px: bucket.batch_size for bucket in BUCKETS}
    left_out = 0
    for epoch in range(3):
        numbers = []
        for images, _ in pipeline.epoch(epoch):
            assert len(images) == full[images.shape[1]]
            numbers.extend(np.round(images[:, 0, 0, 0] * 255))
        assert len(numbers) == pipeline.plan(epoch).num_images
        np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
        left_out += 250 - len(numbers)
    assert left_out


def test_epochs_repeat_exactly_and_differ():
    source = make_source("digits")

    def first_batches(pipeline, epoch):
        return [x.numpy() for x, _ in pipeline.epoch(epoch).take(3)]

    batches = first_batches(make_pipeline(source), 1)
    again = first_batches(make_pipeline(source), 1)
    for x, y in zip(batches, again, strict=True):
        np.testing.assert_array_equal(x, y)
    for other in (
        first_batches(make_pipeline(source), 2),
        first_batches(make_pipeline(source, seed=1), 1),
    ):
        assert any(
            x.shape != y.shape or (x != y).any()
            for x, y in zip(batches, other, strict=True)
        )


def test_images_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    source = make_source("digits")
    whole = [x.numpy() for x, _ in make_pipeline(source).epoch(0).take(3)]
    monkeypatch.setattr(pipeline_module, "_DRAWN_AT_ONCE", 7)
    parts = [x.numpy() for x, _ in make_pipeline(source).epoch(0).take(3)]
    for x, y in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(x, y)


def test_samples_of_every_size():
    source = make_source("digits")
    pipeline = make_pipeline(source)
    samples = pipeline.augmented_samples(3, (0, 0))
    assert list(samples) == list(BUCKETS)
    for bucket, images in samples.items():
        assert len(images) == 3
        assert images[0][0].shape == (bucket.size_px, bucket.size_px, 3)


def test_evaluation_is_in_order_and_of_one_size():
    pipeline = make_pipeline(Numbered(5), size=48, eval_batch_size=2)
    batches = list(pipeline.evaluation())
    assert [x.shape[0] for x, _ in batches] == [2, 2, 1]
    assert {x.shape[1:] for x, _ in batches} == {(48, 48, 3)}
    numbers = np.concatenate([x[:, 0, 0, 0] * 255 for x, _ in batches])
    np.testing.assert_array_equal(np.round(numbers), np.arange(5))


def counting_model():
    """A model, and a list that grows when its training step is traced."""
    traces = []

    class CountingModel(keras.Model):
        def train_step(self, data):
            traces.append(data[0].shape)
            return super().train_step(data)

    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = CountingModel(inputs, keras.layers.Dense(3)(x))
    model.compile("sgd", "mse")
    return model, traces


def test_the_step_is_traced_at_most_once_per_size():
    pipeline = make_pipeline(Numbered(200))
    model, traces = counting_model()
    for epoch in range(3):
        assert pipeline.plan(epoch).steps > len(BUCKETS)
        model.fit(pipeline.epoch(epoch), shuffle=False, verbose=0)
    assert 1 <= len(traces) <= len(BUCKETS)


def test_traces_would_be_counted():
    model, traces = counting_model()
    for size in (32, 48, 64):
        model.make_train_function(force=True)
        model.fit(np.zeros((2, size, size, 3)), np.zeros((2, 3)), verbose=0)
    assert len(traces) >= 3


def test_no_images_of_a_batch():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make_pipeline(Numbered(5), eval_batch_size=0)


def test_no_epoch_ends_by_waiting_for_the_tuning_of_tf_data():
    pipeline = make_pipeline(Numbered(50))
    for dataset in (
        pipeline.epoch(0),
        pipeline.epoch(0, first_step=1),
        pipeline.evaluation(),
        pipeline.evaluation_images("test"),
    ):
        assert dataset.options().autotune.enabled is False

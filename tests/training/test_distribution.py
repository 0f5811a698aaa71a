import dataclasses

import numpy as np
import pytest

from keras_mvit.training.distribution import ALONE, Distribution, mirrored


def test_alone():
    assert ALONE.is_chief and ALONE.shard == (0, 1) and ALONE.num_devices == 1
    assert ALONE.gather("x") == ["x"] and ALONE.from_chief("x") == "x"
    with ALONE.scope():
        pass
    ALONE.check_agreement({"seed": 1})


def test_only_the_chief_reports(capsys):
    Distribution(2, 1, 2).report("one")
    Distribution(2, 0, 2).report("two")
    assert capsys.readouterr().out == "two\n"


@dataclasses.dataclass(frozen=True)
class Fake(Distribution):
    """A distribution whose other processes are only said to be there."""

    others: tuple = ()

    def gather(self, value):
        return [*self.others, value]


def test_processes_must_agree():
    flags = {"seed": 1, "batch_size": 64}
    Fake(others=(flags,)).check_agreement(dict(flags))
    with pytest.raises(
        ValueError, match="seed is 1 in process 0 and 2 in process 1"
    ):
        Fake(others=(flags,)).check_agreement({**flags, "seed": 2})


def test_mirrored_takes_the_devices_of_tensorflow():
    distribution = mirrored()
    assert distribution.num_devices == 1  # there is one CPU
    assert distribution.is_chief and distribution.shard == (0, 1)
    with distribution.scope():
        import tensorflow as tf

        assert tf.distribute.has_strategy()


def test_mirrored_is_of_tensorflow(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match="mirrored is of KERAS_BACKEND=tensor"):
        mirrored()


def test_evaluation_counts_the_images_of_all():
    import keras

    from keras_mvit.training.evaluation import Evaluator

    model = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.Flatten()])
    images = np.eye(3, dtype="float32").reshape(3, 1, 1, 3)
    labels = np.eye(3, dtype="float32")
    other = Evaluator(model)([(images[:2], labels[1:])])
    both = Evaluator(model, Fake(others=(other,)))([(images, labels)])
    assert both.metrics()["top1"] == pytest.approx(3 / 5)

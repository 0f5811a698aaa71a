import keras
import numpy as np
import pytest

from keras_mvit.training.schedule import WarmupCosine


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in range(steps)])


def test_rises_to_the_peak_and_falls_to_the_end():
    schedule = WarmupCosine(1.0, 101, 20, final=0.1, initial=0.5)
    values = rates(schedule, 101)
    rising = 0.5 + 0.5 * np.arange(1, 21) / 20
    np.testing.assert_allclose(values[:20], rising, rtol=1e-6)
    # The cosine of the whole run, of which the warm-up hides the start.
    assert values[20] == pytest.approx(0.1 + 0.45 * (1 + np.cos(np.pi / 5)))
    assert values[50] == pytest.approx(0.55)  # half way down
    assert values[100] == pytest.approx(0.1)
    assert (np.diff(values[20:]) < 0).all()


def test_cools_down_at_the_end():
    values = rates(WarmupCosine(1.0, 20, final=0.1, cooldown_steps=5), 20)
    np.testing.assert_allclose(values[14:], 0.1, rtol=1e-6)
    assert (np.diff(values[:15]) < 0).all()


def test_stays_at_the_end():
    schedule = WarmupCosine(1.0, 10, final=0.2)
    assert float(schedule(9)) == float(schedule(50)) == pytest.approx(0.2)


def test_warm_up_may_last_the_whole_run():
    values = rates(WarmupCosine(1.0, 4, warmup_steps=4), 4)
    np.testing.assert_allclose(values, [0.25, 0.5, 0.75, 1.0])


def test_is_serializable():
    schedule = WarmupCosine(0.5, 10, 2, 0.1, 0.05, 3)
    optimizer = keras.optimizers.AdamW(schedule)
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    restored = again._learning_rate
    np.testing.assert_array_equal(rates(schedule, 12), rates(restored, 12))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((0.0, 10), "got 0.0"),
        ((1.0, 10, 0, -1.0), "got 1.0, -1.0 and 0.0"),
        ((1.0, 10, 0, 0.0, -1.0), "got 1.0, 0.0 and -1.0"),
        ((1.0, 10, 11), "got 11 and 0"),
        ((1.0, 10, 6, 0.0, 0.0, 5), "got 6 and 5"),
        ((1.0, 10, -1), "got -1 and 0"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        WarmupCosine(*arguments)

import dataclasses
import json

import numpy as np
import pytest

from keras_mvit.export import compare, formats

LABELS = np.array([0, 1, 0, 1])
KERAS = np.float32([[2, 0], [0, 2], [2, 0], [2, 0]])  # 3 of 4 right
GOOD = compare.compare(KERAS, KERAS, LABELS)
FLOAT32 = formats.FORMATS["float32"]


def test_equal_logits():
    assert GOOD == compare.Comparison(4, 0.75, 0.75, 1.0, 0.0, 0.0, 0.0)


def test_figures():
    logits = KERAS.copy()
    logits[0] = [0, 1]
    result = compare.compare(logits, KERAS, LABELS)
    assert result.top1 == 0.5
    assert result.keras_top1 == 0.75
    assert result.agreement == 0.75
    assert result.max_abs_diff == 2.0
    assert result.relative_diff == pytest.approx(2.0)  # the deviation is 1
    assert result.rms_diff == pytest.approx(np.sqrt(5 / 8))


def test_without_labels():
    result = compare.compare(KERAS, KERAS)
    assert result.top1 is None
    assert result.keras_top1 is None


def test_keras_must_be_finite():
    with pytest.raises(ValueError, match="not finite"):
        compare.compare(KERAS, np.full_like(KERAS, np.nan))


@pytest.mark.parametrize("row", formats.FORMATS.values())
def test_each_bound_is_enforced(row):
    compare.enforce(GOOD, row, real=True)
    for change, message in [
        ({"rms_diff": row.max_rms_diff * 1.01}, "logits differ by"),
        ({"rms_diff": float("nan")}, "logits differ by"),
        ({"agreement": row.min_agreement - 0.01}, "top-1 agrees"),
        ({"top1": 0.75 - row.max_top1_drop - 0.26}, "top-1 falls"),
    ]:
        bad = dataclasses.replace(GOOD, **change)
        with pytest.raises(ValueError, match=message):
            compare.enforce(bad, row, real=True)


def test_one_logit_of_float32_counts():
    for difference in (1.1e-3, float("nan")):
        bad = dataclasses.replace(GOOD, relative_diff=difference)
        with pytest.raises(ValueError, match="a logit differs by"):
            compare.enforce(bad, FLOAT32, real=True)
        compare.enforce(bad, formats.FORMATS["int8"], real=True)


def test_more_noise_is_accepted_on_random_images():
    row = formats.FORMATS["int8"]
    for factor, real, accepted in [
        (0.99, True, True),
        (1.01, True, False),
        (1.99, False, True),
        (2.01, False, False),
    ]:
        noisy = dataclasses.replace(GOOD, rms_diff=factor * row.max_rms_diff)
        if accepted:
            compare.enforce(noisy, row, real)
            continue
        with pytest.raises(ValueError, match="logits differ by"):
            compare.enforce(noisy, row, real)


def test_agreement_on_random_images_is_no_criterion():
    bad = dataclasses.replace(GOOD, agreement=0.0)
    compare.enforce(bad, FLOAT32, real=False)
    with pytest.raises(ValueError):
        compare.enforce(bad, FLOAT32, real=True)


def test_logits_that_are_all_the_same():
    same = np.full((1, 1), 3.0, np.float32)
    result = compare.compare(same + 0.3, same)
    assert result.rms_diff == pytest.approx(0.1)
    json.dumps(dataclasses.asdict(compare.compare(0 * same, 0 * same)))

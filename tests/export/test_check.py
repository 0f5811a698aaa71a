import pytest
import tensorflow as tf

from keras_mvit.export import check
from tests.export.broken_files import convert_function, pooled, with_flex_op

SIZE = (8, 8)


def test_accepts_a_good_file():
    assert check.check(convert_function(pooled), SIZE, 3).num_partitions == 1


def test_refuses_a_flex_op():
    with pytest.raises(ValueError, match=r"not LiteRT builtins: \['FlexErf'\]"):
        check.check(with_flex_op(), SIZE, 3)


@pytest.mark.parametrize("shape", [(None, 8, 8, 3), (1, None, None, 3)])
def test_refuses_a_dynamic_shape(shape):
    with pytest.raises(ValueError, match=r"takes .*-1.*; expected one"):
        check.check(convert_function(pooled, shape), SIZE, 3)


def test_refuses_a_batch():
    content = convert_function(pooled, (2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"takes \[\(\(2, 8, 8, 3\)"):
        check.check(content, SIZE, 3)


def test_refuses_another_number_of_classes():
    with pytest.raises(ValueError, match=r"returns .*expected .*\(1, 10\)"):
        check.check(convert_function(pooled), SIZE, 10)


def test_refuses_values_that_are_not_finite():
    content = convert_function(lambda image: tf.math.log(pooled(image)))
    with pytest.raises(ValueError, match="inf.* for a black image"):
        check.check(content, SIZE, 3)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_refuses_a_file_cut_short(float32_file, share):
    content = float32_file[: int(share * len(float32_file))]
    with pytest.raises(ValueError, match="LiteRT"):
        check.check(content, (32, 32), 10)


def test_refuses_a_foreign_file():
    with pytest.raises(ValueError, match="without the mark 'TFL3'"):
        check.check(b"PK\x03\x04" + 100 * b"\0", SIZE, 3)

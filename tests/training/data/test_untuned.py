import os
import threading

import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.training.data.untuned import untuned


def test_the_elements_are_the_same():
    dataset = tf.data.Dataset.range(7).map(lambda x: 2 * x, tf.data.AUTOTUNE)
    assert list(untuned(dataset).as_numpy_iterator()) == [*range(0, 14, 2)]
    assert not untuned(dataset).options().autotune.enabled


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_as_many_calls_at_once_as_cores():
    both = threading.Barrier(2, timeout=60)

    def wait(x):
        both.wait()  # an error unless two are here
        return x

    dataset = tf.data.Dataset.range(4).map(
        lambda x: tf.numpy_function(wait, [x], tf.int64), tf.data.AUTOTUNE
    )
    np.testing.assert_array_equal(list(untuned(dataset)), range(4))

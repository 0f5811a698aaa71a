import threading

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.untuned import untuned


def test_the_elements_are_the_same():
    dataset = tf.data.Dataset.range(7).map(lambda x: 2 * x, tf.data.AUTOTUNE)
    assert list(untuned(dataset).as_numpy_iterator()) == [*range(0, 14, 2)]
    assert untuned(dataset).options().autotune.enabled is False


def test_as_many_calls_at_once_as_threads():
    threads = 20  # more than the 16 that tf.data would begin with
    all_of_them = threading.Barrier(threads, timeout=60)

    def wait(x):
        all_of_them.wait()  # an error unless as many are here
        return x

    dataset = tf.data.Dataset.range(threads).map(
        lambda x: tf.numpy_function(wait, [x], tf.int64), tf.data.AUTOTUNE
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    dataset = untuned(dataset.with_options(options))
    np.testing.assert_array_equal(list(dataset), range(threads))

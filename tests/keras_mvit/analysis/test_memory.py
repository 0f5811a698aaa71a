"""Peaks worked out by hand; all maps here have 100 elements a channel."""

import keras
from keras import layers

from keras_mvit.analysis import count

CHANNEL = 4 * 100  # bytes


def _peak(build, channels=2):
    inputs = keras.Input((10, 10, channels))
    return count(keras.Model(inputs, build(inputs))).peak_bytes / CHANNEL


def _conv(filters):
    return layers.Conv2D(filters, 1)


def test_a_convolution_holds_input_and_output():
    assert _peak(_conv(5)) == 2 + 5


def test_a_chain_holds_one_pair():
    assert _peak(lambda x: _conv(1)(_conv(8)(_conv(4)(x)))) == 4 + 8


def test_normalization_and_activation_write_over_their_input():
    def block(x):
        x = layers.BatchNormalization()(_conv(5)(x))
        return layers.ReLU()(x)

    assert _peak(block) == 2 + 5


def test_a_shortcut_stays_alive():
    def block(x):
        return x + _conv(2)(_conv(5)(x))

    assert _peak(block) == 2 + 5 + 2


def test_an_operand_that_is_needed_later_is_not_written_over():
    def block(x):
        shortcut = _conv(5)(x)
        return layers.Concatenate()([layers.ReLU()(shortcut), shortcut])

    assert _peak(block) == 5 + 5 + 10


def test_reshape_takes_no_memory_and_transpose_does():
    assert _peak(lambda x: _conv(1)(layers.Reshape((10, 10, 2))(x))) == 2 + 1
    assert _peak(layers.Permute((2, 1, 3))) == 2 + 2


def test_a_view_keeps_its_source_alive():
    def block(x):
        view = layers.Reshape((20, 10, 1))(x)
        return _conv(3)(view)  # 6 of our channels

    assert _peak(block) == 2 + 6

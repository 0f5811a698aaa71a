"""Magnitude pruning: the smallest weights become zero while the rest trains.

Zhu & Gupta, "To prune, or not to prune", 2017,
https://arxiv.org/abs/1710.01878.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_mvit.training.live_state import LiveState
from keras_mvit.training.tfmot import tfmot

_END = 0.6  # of the run; with the last zeros in place the rest settles
_TURNS = 50


class Pruning(keras.callbacks.Callback):
    """Sets weights of the model and of its average to zero, and keeps them so.

    Of each prunable kernel the same share is pruned, by TFMOT's polynomial
    schedule over the first part of the run. What is zero at the start stays
    zero, so that a stopped run goes on with what it had.

    Args:
        model: `keras.Model` that is trained.
        average: `keras.Model`. Its average.
        sparsity: float from 0 to below 1. The share at the end.
        num_updates: int. Optimizer steps of the whole run.
    """

    def __init__(self, model, average, sparsity, num_updates):
        super().__init__()
        self._kernels = prunable_kernels(model)
        self._averages = prunable_kernels(average)
        every = max(1, int(num_updates * _END) // _TURNS)
        turns = max(1, min(_TURNS, int(num_updates * _END)))
        self._sparsity = sparsity
        self._schedule = tfmot().sparsity.keras.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=sparsity,
            begin_step=0,
            end_step=turns * every,
            frequency=every,
        )
        self._steps = 0

    def on_train_begin(self, logs=None):
        """Keras calls this at the start of `fit`."""
        self._live = LiveState(self.model)
        self._steps = self._live.optimizer_steps()
        self._masks = [
            tf.Variable(np.asarray(kernel) != 0, trainable=False)
            for kernel in self._kernels
        ]
        self._apply = tf.function(self._masked)
        # A run may be prolonged with more zeros than it had at its end.
        shares = [float(np.mean(mask.numpy())) for mask in self._masks]
        self._is_behind = any(share > 1 - self._sparsity for share in shares)

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every batch."""
        steps = self._live.optimizer_steps_after_batch()
        if steps == self._steps:
            return
        self._steps = steps
        is_turn, sparsity = self._schedule(steps)
        is_over = steps > self._schedule.end_step
        if is_turn or (is_over and self._is_behind):
            self._prune(float(sparsity))
            self._is_behind = not is_over
        self._apply()

    def _prune(self, sparsity):
        for kernel, mask in zip(self._kernels, self._masks, strict=True):
            kept = mask.numpy()
            masked = np.asarray(kernel) * kept
            mask.assign(kept & largest(masked, sparsity))

    def _masked(self):
        for kernels in (self._kernels, self._averages):
            for kernel, mask in zip(kernels, self._masks, strict=True):
                kernel.assign(tf.where(mask, kernel.value, 0.0))


def prunable_kernels(model):
    """The kernels of convolutions and projections but the first and the last.

    Depthwise ones are small, and few of their weights can be spared.

    Args:
        model: `keras.Model`, quantization-aware or not.

    Returns:
        list of `keras.Variable`.
    """
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    layers = [x for x in model._flatten_layers() if type(x) in kinds]
    return [layer.kernel for layer in layers[1:-1]]


def largest(kernel, sparsity):
    """Which weights stay.

    Args:
        kernel: float array.
        sparsity: float. The share that goes.

    Returns:
        bool array: False for that share of the smallest magnitudes.
    """
    count = round(sparsity * kernel.size)
    order = np.argsort(np.abs(kernel), axis=None, kind="stable")
    mask = np.ones(kernel.size, bool)
    mask[order[:count]] = False
    return mask.reshape(kernel.shape)

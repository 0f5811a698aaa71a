"""The worker of `benchmarks.train_step` that trains our model.

    python -m benchmarks.train_step_ours mobilevit_xxs 1000

takes `{"size_px": 256, "batch_size": 32}` a line and answers with the step's
seconds and the number of traces so far.
"""

import functools
import os
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import keras_mvit
from benchmarks.workers import serve
from keras_mvit.training.fused_kernels import use_fused_kernels
from keras_mvit.training.weight_average import WeightAverage


class TrainStep:
    """The trainer's step: AdamW, label smoothing, averaged weights.

    Without dropout, which the peer's default form does not have either.

    Args:
        variant: str. One of `keras_mvit.list_models()`.
        size_px: int or None. None: one model for all sizes.
        num_classes: int.
    """

    def __init__(self, variant, size_px, num_classes):
        keras.utils.set_random_seed(0)
        self.traces = 0
        self._num_classes = num_classes
        self._batches = {}
        make = functools.partial(
            keras_mvit.create_model,
            variant,
            num_classes=num_classes,
            input_shape=(size_px, size_px, 3),
            dropout_rate=0.0,
            drop_path_rate=0.0,
        )
        self._model = make()
        use_fused_kernels(self._model)
        self._model.compile(
            optimizer=keras.optimizers.AdamW(
                1e-3, weight_decay=0.01, epsilon=1e-8
            ),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=0.1
            ),
        )
        self._model.optimizer.build(self._model.trainable_variables)
        self._average = WeightAverage(make())
        self._average.set_model(self._model)
        self._average.on_train_begin()
        self._step = tf.function(
            self._traced,
            input_signature=(
                tf.TensorSpec((None, size_px, size_px, 3)),
                tf.TensorSpec((None, num_classes)),
            ),
        )

    def _traced(self, images, labels):
        self.traces += 1  # runs while tracing only
        return self._model.train_step((images, labels))

    def __call__(self, size_px, batch_size):
        """Train one step.

        Args:
            size_px: int. Height and width of the images.
            batch_size: int.

        Returns:
            dict: seconds, and traces so far.
        """
        batch = self._batch(size_px, batch_size)
        start = time.perf_counter()
        float(self._step(*batch)["loss"])
        self._average.on_train_batch_end(0)
        return {"seconds": time.perf_counter() - start, "traces": self.traces}

    def _batch(self, size_px, batch_size):
        key = (size_px, batch_size)
        if key not in self._batches:
            random = np.random.default_rng(0)
            images = random.random((batch_size, size_px, size_px, 3), "float32")
            classes = random.integers(0, self._num_classes, batch_size)
            self._batches[key] = (
                tf.constant(images),
                tf.one_hot(classes, self._num_classes),
            )
        return self._batches[key]


def main(variant, size_px, num_classes):
    """Serve a variant; `size_px` 0 is for any size."""
    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    serve(TrainStep(variant, int(size_px) or None, int(num_classes)))


if __name__ == "__main__":
    main(*sys.argv[1:])

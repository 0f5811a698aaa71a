"""The worker of `benchmarks.train_step` that trains our model.

    python -m benchmarks.train_step_ours mobilevit_xxs 1000 0 32,81 cpu none

takes `{"size_px": 256, "batch_size": 32, "steps": 1}` a line and answers with
the seconds of a step and the number of traces so far. The other arguments: the
size if the model has only one, else 0; the sizes of batches; the device; the
mixed precision.
"""

import functools
import os
import sys
import time

import keras
import numpy as np

import keras_mvit
from benchmarks.workers import serve
from keras_mvit.training.fused_kernels import use_fused_kernels
from keras_mvit.training.settings import MIXED_PRECISION
from keras_mvit.training.weight_average import WeightAverage


class TrainStep:
    """The trainer's step: AdamW, label smoothing, averaged weights.

    Without dropout, which the peer's default form does not have either.

    Args:
        variant: str. One of `keras_mvit.list_models()`.
        num_classes: int.
        size_px: int or None. None: one model for all sizes.
        batch_sizes: sequence of int. Those to come.
        mixed_precision: str. `"none"` or `"bfloat16"`.
    """

    def __init__(
        self, variant, num_classes, size_px, batch_sizes, mixed_precision
    ):
        keras.utils.set_random_seed(0)
        self._traces = 0
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
        average = make()
        keras.config.set_dtype_policy(MIXED_PRECISION[mixed_precision])
        self._model = make()
        use_fused_kernels(self._model, batch_sizes)
        self._model.compile(
            optimizer=keras.optimizers.AdamW(
                1e-3, weight_decay=0.01, epsilon=1e-8
            ),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=0.1
            ),
            jit_compile=keras.backend.backend() == "jax",
        )
        self._model.optimizer.build(self._model.trainable_variables)
        self._model.train_step = self._traced(self._model.train_step)
        self._average = WeightAverage(average)
        self._average.set_model(self._model)
        self._average.on_train_begin()
        if keras.backend.backend() == "jax":
            self._run = _step_on_jax(self._model)
        else:
            self._run = _step_on_tensorflow(self._model, size_px, num_classes)

    def _traced(self, step):
        def train_step(*arguments):
            self._traces += 1  # runs while tracing only
            return step(*arguments)

        return train_step

    def __call__(self, size_px, batch_size, steps):
        """Train a few steps.

        Args:
            size_px: int. Height and width of the images.
            batch_size: int.
            steps: int. The device may go on while the next is prepared.

        Returns:
            dict: seconds of one step, and traces so far.
        """
        batch = self._batch(size_px, batch_size)
        start = time.perf_counter()
        for _ in range(steps):
            loss = self._run(batch)
            self._average.on_train_batch_end(0)
        float(loss)
        seconds = (time.perf_counter() - start) / steps
        return {"seconds": seconds, "traces": self._traces}

    def _batch(self, size_px, batch_size):
        key = (size_px, batch_size)
        if key not in self._batches:
            random = np.random.default_rng(0)
            images = random.random((batch_size, size_px, size_px, 3), "float32")
            classes = random.integers(0, self._num_classes, batch_size)
            self._batches[key] = (
                keras.ops.convert_to_tensor(images),
                keras.ops.one_hot(classes, self._num_classes),
            )
        return self._batches[key]


def _step_on_tensorflow(model, size_px, num_classes):
    """What `fit` does with a batch: a callable of it that gives the loss."""
    import tensorflow as tf

    step = tf.function(
        lambda images, labels: model.train_step((images, labels)),
        input_signature=(
            tf.TensorSpec((None, size_px, size_px, 3)),
            tf.TensorSpec((None, num_classes)),
        ),
    )
    return lambda batch: step(*batch)["loss"]


def _step_on_jax(model):
    model.make_train_function()
    groups = (
        "trainable_variables",
        "non_trainable_variables",
        "optimizer_variables",
        "metrics_variables",
    )
    state = model._get_jax_state(
        **dict.fromkeys(groups, True), purge_model_variables=True
    )
    model._jax_state_synced = False

    def step(batch):
        nonlocal state
        logs, state = model.train_function(state, iter([batch]))
        model._jax_state = dict(zip(groups, state, strict=True))
        return logs["loss"]

    return step


def _use(device):
    """Has the backend compute there.

    Args:
        device: str. `"cpu"` or `"gpu"`.

    Raises:
        ValueError: there is none.
    """
    if keras.backend.backend() == "jax":
        import jax

        # The peer is on the same GPU.
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        jax.config.update("jax_platforms", "cpu" if device == "cpu" else "cuda")
        return
    import tensorflow as tf

    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif not tf.config.list_physical_devices("GPU"):
        raise ValueError("TensorFlow finds no GPU")


def main(variant, num_classes, size_px, batch_sizes, device, mixed_precision):
    """Serve a variant."""
    _use(device)
    serve(
        TrainStep(
            variant,
            int(num_classes),
            int(size_px) or None,
            [int(size) for size in batch_sizes.split(",")],
            mixed_precision,
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

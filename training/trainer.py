"""The loop over epochs: fit, evaluate, save."""

import math
import time

import keras

from keras_mvit.training.checkpoint import Checkpoints
from keras_mvit.training.data.bad_images import naming_bad_images
from keras_mvit.training.evaluation import Evaluator, write_evaluation
from keras_mvit.training.history import (
    TensorBoardCurves,
    summary_line,
    write_csv,
)
from keras_mvit.training.models import make_models, state_variables
from keras_mvit.training.progress import ProgressBar
from keras_mvit.training.schedule import WarmupCosine
from keras_mvit.training.weight_average import WeightAverage


class DivergedError(FloatingPointError):
    """The loss is not finite any more."""


class Trainer:
    """One run, from its last checkpoint to its last epoch.

    An epoch is a call of `fit` with a data set of its own: its order, sizes
    and number of steps depend on (seed, epoch) alone, so going on after a stop
    needs no more than the epoch's number.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.
        workdir: `WorkDirectory`, started.
    """

    def __init__(self, settings, pipeline, workdir):
        self._settings = settings
        self._pipeline = pipeline
        self._workdir = workdir
        self._schedule = make_schedule(settings, pipeline)
        self.model, self.average = make_models(
            settings, len(pipeline.source.class_names), self._schedule
        )
        self._ema = WeightAverage(self.average, settings.ema_decay)
        self._evaluate = Evaluator(self.average)
        self._checkpoints = Checkpoints(
            workdir.path, state_variables(self.model, self.average)
        )
        self._history = []

    def train(self):
        """Trains the epochs that are missing.

        Returns:
            list of dict: the history, one row an epoch (`history.COLUMNS`).

        Raises:
            DivergedError: the loss is not finite; the last checkpoint stays.
            ValueError: an image cannot be decoded, or no checkpoint be read.
        """
        epochs = self._settings.epochs
        self._history = self._checkpoints.restore() or []
        if self._history:
            self._publish()  # the earlier run may have been stopped before it
            print(f"{len(self._history)} epochs are already trained.")
        curves = TensorBoardCurves(
            self._workdir.file("tensorboard"), self._history
        )
        for epoch in range(len(self._history), epochs):
            row = self._train_epoch(epoch)
            self._history.append(row)
            self._checkpoints.save(self._history)
            self._publish()
            curves.write(row)
            print(summary_line(row, epochs), flush=True)
        return self._history

    def _train_epoch(self, epoch):
        pipeline, plan = self._pipeline, self._pipeline.plan(epoch)
        bar = ProgressBar(plan, f"epoch {epoch + 1}/{self._settings.epochs}")
        order = (pipeline.seed, epoch)
        start = time.perf_counter()
        with (
            bar,
            naming_bad_images(
                pipeline.source, "train", order, lambda: bar.images_done
            ),
        ):
            logs = self.model.fit(
                pipeline.epoch(epoch),
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=[self._ema, StopIfNotFinite(plan.steps), bar],
                shuffle=False,  # the pipeline has done it
                verbose=0,
            ).history
        seconds = time.perf_counter() - start
        with naming_bad_images(pipeline.source, "test"):
            test = self._evaluate(pipeline.evaluation())
        check_finite(test["loss"], epoch, plan.steps, plan.steps)
        images = int(plan.batch_sizes.sum())
        last_step = int(self.model.optimizer.iterations) - 1
        return {
            "epoch": epoch + 1,
            "steps": plan.steps,
            "images": images,
            "learning_rate": float(self._schedule(last_step)),
            "loss": float(logs["loss"][-1]),
            "top1": float(logs["top1"][-1]),
            **{f"val_{key}": value for key, value in test.items()},
            "seconds": seconds,
            "images_per_second": images / seconds,
        }

    def _publish(self):
        """Writes what follows from the last checkpoint; twice does no harm."""
        last = self._history[-1]
        earlier = [row["val_top1"] for row in self._history[:-1]]
        self._workdir.save_model("model.keras", self.average)
        if last["val_top1"] > max(earlier, default=-1):
            self._workdir.save_model("best.keras", self.average)
        write_csv(self._workdir.file("history.csv"), self._history)
        write_evaluation(
            self._workdir.file("evaluation.json"),
            {key: last[f"val_{key}"] for key in ("loss", "top1", "top5")},
            self._pipeline.source.num_images["test"],
        )


class StopIfNotFinite(keras.callbacks.Callback):
    """Stops at the first step whose loss is infinite or not a number.

    Args:
        steps: int. Steps of the epoch, for the message.
    """

    def __init__(self, steps):
        super().__init__()
        self._steps = steps
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        """Keras calls this before every epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        check_finite(logs["loss"], self._epoch, batch + 1, self._steps)


def check_finite(loss, epoch, step, steps):
    """Raises `DivergedError` unless the loss is finite.

    Args:
        loss: float.
        epoch: int, from 0.
        step: int, from 1.
        steps: int. Of this epoch.
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"The loss is {loss} at epoch {epoch + 1}, step {step} of {steps}. "
            f"The checkpoint of epoch {epoch} is kept. Go on from it with a "
            "lower --learning_rate, a longer --warmup_epochs or "
            "--mixed_precision=none"
            if epoch
            else f"The loss is {loss} at epoch 1, step {step} of {steps}, "
            "before any checkpoint. Try a lower --learning_rate, a longer "
            "--warmup_epochs or --mixed_precision=none"
        )


def make_schedule(settings, pipeline):
    """The learning rate over all epochs, whose steps are known beforehand.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.

    Returns:
        `WarmupCosine`.
    """
    steps = [pipeline.plan(epoch).steps for epoch in range(settings.epochs)]
    whole = min(int(settings.warmup_epochs), settings.epochs)
    part = settings.warmup_epochs - whole
    warmup = sum(steps[:whole])
    if whole < settings.epochs:
        warmup += round(part * steps[whole])
    return WarmupCosine(
        settings.learning_rate,
        sum(steps),
        warmup,
        settings.final_learning_rate,
    )

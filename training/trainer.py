"""The loop over epochs: fit, evaluate, save."""

import contextlib
import dataclasses
import time

from keras_mvit.training.callbacks import (
    DivergedError,
    SaveDuringEpoch,
    StepCallbacks,
    StopIfNotFinite,
    check_finite,
)
from keras_mvit.training.checkpoint import (
    DIVERGED,
    Checkpoints,
    has_checkpoint,
)
from keras_mvit.training.data.bad_images import naming_bad_images
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.epoch_progress import EpochProgress, fingerprint
from keras_mvit.training.evaluation import Evaluator
from keras_mvit.training.history import TensorBoardCurves, summary_lines
from keras_mvit.training.models import (
    go_to_step,
    make_models,
    state_variables,
)
from keras_mvit.training.progress import ProgressBar
from keras_mvit.training.pruning import Pruning
from keras_mvit.training.quantize_aware import calibrate
from keras_mvit.training.run_files import RunFiles
from keras_mvit.training.schedule import accumulation_steps, make_schedule
from keras_mvit.training.termination import make_termination
from keras_mvit.training.weight_average import WeightAverage


class Trainer:
    """One run, from its last checkpoint to its last epoch.

    An epoch is a call of `fit` with a data set of its own: its order, sizes
    and number of steps depend on (seed, epoch) alone, and it can begin at any
    step. So going on after a stop needs no more than the numbers of the epoch
    and the step.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.
        workdir: `WorkDirectory`, started.
        distribution: `Distribution`. All that train together; the pipeline is
            of this process.
    """

    def __init__(self, settings, pipeline, workdir, distribution=ALONE):
        self._settings = settings
        self._pipeline = pipeline
        self._workdir = workdir
        self._distribution = distribution
        self.schedule = make_schedule(settings, pipeline)
        accumulated = accumulation_steps(settings, self.schedule, distribution)
        self._accumulation_steps = accumulated
        self.model, self.average, self._saved = make_models(
            settings,
            pipeline,
            self.schedule,
            accumulated,
            distribution,
            begun=distribution.from_chief(has_checkpoint(workdir.path)),
        )
        # Called after each step, before all others.
        self._updates = [WeightAverage(self.average, settings.ema_decay)]
        if settings.sparsity:
            updates = self.schedule.total_steps // accumulated
            self._updates.append(
                Pruning(self.model, self.average, settings.sparsity, updates)
            )
        self._evaluate = Evaluator(self.average, distribution)
        self._checkpoints = Checkpoints(
            workdir.path,
            state_variables(self.model, self.average),
            distribution,
        )
        self._files = RunFiles(
            workdir, settings, pipeline, self.average, self._saved
        )
        self._history = []
        self._first_step = 0  # of the epoch that is being trained, in the run
        self._progress = None  # of the epoch that is being trained
        self._counts = None  # `EvaluationCounts` of the last epoch

    def train(self):
        """Trains what is missing, after `restore`.

        Returns:
            list of dict: the history, one row an epoch (`history.COLUMNS`).

        Raises:
            DivergedError: the loss is not finite. The last checkpoint stays,
                or is set aside if no step that followed it was finite.
            KeyboardInterrupt: Ctrl-C, after a checkpoint.
            SystemExit: SIGTERM, after a checkpoint; with status 143. Of
                several processes all end.
            ValueError: an image cannot be decoded.
        """
        epochs = self._settings.epochs
        is_chief = self._distribution.is_chief
        curves = is_chief and TensorBoardCurves(
            self._workdir.file("tensorboard"), self._history
        )
        if is_chief:
            curves.write_image(
                "augmentation", self._workdir.file("augmentation.png")
            )
        with make_termination(self._distribution) as termination:
            for epoch in range(len(self._history), epochs):
                with self._stepping_back():
                    self._fit(epoch, termination)
                    row = self._evaluated_row(epoch)
                self._history.append(row)
                self._first_step += row["steps"]
                self._progress = None
                self._save()
                if is_chief:
                    self._files.publish(self._history)
                    curves.write(row)
                self._distribution.report(summary_lines(self._history, epochs))
            counts = self._final_counts()
            if is_chief:
                self._files.summarize(self._history, counts, curves)
        return self._history

    def restore(self):
        """Goes back to the last checkpoint, if there is one.

        Raises:
            ValueError: no checkpoint can be read, it is of another model, or
                an epoch was begun with other batches.
        """
        restored = self._checkpoints.restore()
        if restored is None:
            if self._settings.quantize_aware:
                self._calibrate()
            return
        report = self._distribution.report
        progress = restored["progress"]
        self._history = restored["history"]
        if self._history:
            if self._distribution.is_chief and progress is None:
                # The earlier run may have been stopped before.
                self._files.publish(self._history)
            report(f"{len(self._history)} epochs are already trained.")
            self._find_first_step(restored)
        if progress is not None:
            self._go_on_within_epoch(EpochProgress(**progress))

    def _go_on_within_epoch(self, done):
        """Goes on there, or, of other images, begins the epoch anew."""
        report, epoch = self._distribution.report, len(self._history)
        if self._settings.epochs == epoch:  # whose weights are gone
            raise ValueError(
                f"{self._workdir.path} is within epoch {epoch + 1}: epochs "
                f"must be at least {epoch + 1}, got {epoch}"
            )
        images = self._training_images
        if done.training_images not in (None, images):
            report(
                f"Epoch {epoch + 1} begins anew, from the weights after step "
                f"{done.steps} of it: there are {images} training images now, "
                f"not {done.training_images}."
            )
            go_to_step(self.model, self._first_step)
            return
        self._progress = done
        self._epoch_so_far(self._pipeline.plan(epoch))
        report(f"Going on after step {done.steps} of epoch {epoch + 1}.")

    def _find_first_step(self, restored):
        """Finds where the schedule is; goes there if batches are others now.

        Within an epoch they are not, as `_epoch_so_far` tells.
        """
        epochs = range(len(self._history))
        self._first_step = sum(self._pipeline.plan(e).steps for e in epochs)
        place = self._place()
        # Checkpoints of an earlier version do not tell it.
        saved = {key: restored.get(key, place[key]) for key in place}
        if restored["progress"] is None and saved != place:
            go_to_step(self.model, self._first_step)

    @property
    def _training_images(self):
        return self._pipeline.source.num_images["train"]

    def _place(self):
        """What a step of the schedule is counted in."""
        return {
            "first_step": self._first_step,
            "accumulation_steps": self._accumulation_steps,
        }

    def _calibrate(self):
        """Finds the ranges that quantization-aware training begins with."""
        order = (self._pipeline.seed, 0)
        with naming_bad_images(self._pipeline.source, "train", order):
            calibrate(self.model, self._pipeline.epoch(0))
        self.average.set_weights(self.model.get_weights())

    def _fit(self, epoch, termination):
        """Trains the steps of an epoch that are missing, and saves."""
        plan = self._pipeline.plan(epoch)
        done = self._epoch_so_far(plan)
        if done.steps == plan.steps:
            return  # only the evaluation is missing
        remaining = plan.after(done.steps)
        bar = ProgressBar(
            remaining,
            f"epoch {epoch + 1}/{self._settings.epochs}",
            self.schedule,
            self._first_step + done.steps,
            hidden=not self._distribution.is_chief,
        )
        start = time.perf_counter()

        def save(steps, logs):
            images = int(remaining.batch_sizes[:steps].sum())
            seconds = time.perf_counter() - start
            self._progress = done.plus(steps, images, logs, seconds)
            self._save()

        order = (self._pipeline.seed, epoch)
        # Of those that come once, in this process.
        share = self._distribution.num_processes * self._settings.repeats
        stop = StopIfNotFinite(epoch, done.steps)
        callbacks = [
            *self._updates,
            stop,
            bar,
            SaveDuringEpoch(
                stop.check,
                save,
                self._settings.save_every,
                termination,
                done.steps,
            ),
        ]
        with (
            termination.postponed(),
            bar,
            self._distribution.fit_scope(),
            naming_bad_images(
                self._pipeline.source,
                "train",
                order,
                lambda: (done.images + bar.images_done) // share,
                self._pipeline.shard,
            ),
        ):
            logs = self.model.fit(
                self._pipeline.epoch(epoch, done.steps),
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=StepCallbacks(callbacks, self.model),
                shuffle=False,  # the pipeline has done it
                verbose=0,
            ).history
            last = {key: values[-1] for key, values in logs.items()}
            save(remaining.steps, last)

    def _epoch_so_far(self, plan):
        mark = fingerprint(plan, self._pipeline.seed, self._accumulation_steps)
        done = self._progress or EpochProgress(mark, self._training_images)
        if done.plan != mark:
            raise ValueError(
                f"{self._workdir.path} was stopped within an epoch, which must "
                "be ended with the same images, seed, batch size, sizes and "
                "whole_batches; its config.json has them"
            )
        return done

    def _evaluated_row(self, epoch):
        """Evaluates the average; returns the epoch's row of the history."""
        done = self._progress
        self._counts = self._evaluated(self._evaluate)
        test = self._counts.metrics()
        check_finite(test["loss"], epoch, done.steps, "test loss")
        last_step = self._first_step + done.steps - 1
        return {
            "epoch": epoch + 1,
            "steps": done.steps,
            "images": done.images,
            "learning_rate": float(self.schedule(last_step)),
            "loss": done.loss,
            "top1": done.top1,
            **{f"val_{key}": test[key] for key in ("loss", "top1", "top5")},
            "seconds": done.seconds,
            "images_per_second": done.images / done.seconds,
        }

    def _final_counts(self):
        """The `EvaluationCounts` of `model.keras`, which rounds nothing."""
        if self._saved is not self.average:
            return self._evaluated(Evaluator(self._saved, self._distribution))
        return self._counts or self._evaluated(self._evaluate)

    def _evaluated(self, evaluate):
        """The `EvaluationCounts` that an `Evaluator` finds."""
        with naming_bad_images(
            self._pipeline.source, "test", shard=self._pipeline.shard
        ):
            return evaluate(self._pipeline.evaluation())

    def _save(self):
        progress = self._progress and dataclasses.asdict(self._progress)
        self._checkpoints.save(
            {"history": self._history, "progress": progress, **self._place()},
            self._first_step + self._steps_saved(),
        )

    def _steps_saved(self):
        """Steps of this epoch that the last checkpoint has."""
        return self._progress.steps if self._progress else 0

    @contextlib.contextmanager
    def _stepping_back(self):
        """Sets a checkpoint aside whose own weights are what diverged."""
        try:
            yield
        except DivergedError as error:
            if error.step is None or error.step > self._steps_saved() + 1:
                raise
            self._checkpoints.set_aside()
            raise DivergedError(
                error.what,
                error.step,
                f"The last checkpoint leads there and is now {DIVERGED}; the "
                "run goes on from the one before it, if there is one",
            ) from error

"""What a run would do and need, and two steps of it."""

import math
import resource
import time

import keras

from keras_mvit import analysis, console
from keras_mvit.training.callbacks import StopIfNotFinite
from keras_mvit.training.checkpoint import has_checkpoint
from keras_mvit.training.data.bad_images import naming_bad_images
from keras_mvit.training.data.threads import ending_threads
from keras_mvit.training.describe import describe
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.models import make_models
from keras_mvit.training.quantize_aware import calibrate
from keras_mvit.training.run import prepare
from keras_mvit.training.schedule import accumulation_steps, make_schedule
from keras_mvit.training.workdir import WorkDirectory

_STEPS = 2


@ending_threads()
def dry_run(settings, distribution=ALONE):
    """Prints model, recipe, schedule and memory; trains; writes nothing.

    Args:
        settings: `Settings`.
        distribution: `Distribution`, as of `train_model`.

    Raises:
        ValueError: bad settings or images.
        DivergedError: the loss of one of the steps is not finite.
    """
    settings, pipeline = prepare(settings, distribution)
    report = distribution.report
    workdir = WorkDirectory(settings.workdir)
    if distribution.is_chief:
        workdir.check_same_run(settings, pipeline.source)
    begun = distribution.from_chief(has_checkpoint(workdir.path))
    schedule = make_schedule(settings, pipeline)
    model, average, saved = make_models(
        settings,
        pipeline,
        schedule,
        accumulation_steps(settings, schedule, distribution),
        distribution,
        begun,
    )
    report(describe(settings, pipeline))
    if begun:
        report(f"{workdir.path} has a run, which training would go on with.")
    report(f"\n{_schedule_table(settings, pipeline, schedule)}\n")
    report(_memory(settings, pipeline, model, average, saved))
    order, shard = (pipeline.seed, 0), pipeline.shard
    with naming_bad_images(pipeline.source, "train", order, shard=shard):
        if settings.quantize_aware:
            calibrate(model, pipeline.epoch(0))
        with distribution.fit_scope():
            steps, seconds, loss = _train(model, pipeline)
    report(
        f"Trained {steps} step{'s' * (steps > 1)}: loss {loss:.3f}, the last "
        f"in {seconds:.1f} s; the process took {_peak_gib():.2f} GiB at most. "
        f"{schedule.total_steps} such steps take "
        f"{schedule.total_steps * seconds / 3600:.1f} h. Nothing was written."
    )


def _schedule_table(settings, pipeline, schedule):
    """The learning rate where it turns, in epochs and steps."""
    ends, total = [0], 0
    for epoch in range(settings.epochs):
        total += pipeline.plan(epoch).steps
        ends.append(total)
    epochs = {0, round(settings.warmup_epochs), settings.epochs // 2}
    epochs |= {settings.epochs - settings.cooldown_epochs, settings.epochs}
    rows = [
        [str(epoch), str(ends[epoch]), f"{float(schedule(ends[epoch])):.2e}"]
        for epoch in sorted(epochs)
    ]
    return console.table(["after epoch", "steps", "learning rate"], rows)


def _memory(settings, pipeline, model, average, saved):
    """An estimate in a line: what the device holds at the largest step."""
    bucket = max(pipeline.buckets, key=lambda b: b.size_px**2 * b.batch_size)
    devices = pipeline.batch_size_divisor
    images = bucket.batch_size // devices
    size = 4 if settings.mixed_precision == "none" else 2
    activations = analysis.training_activation_bytes(saved, bucket.size_px)
    activations = activations * images * size // 4
    # A gradient for each weight beside what is kept between steps.
    variables = [
        *model.variables,
        *model.trainable_variables,
        *model.optimizer.variables,
        *average.variables,
    ]
    weights = sum(4 * math.prod(v.shape) for v in variables)
    return (
        f"Memory, estimated: {activations / 2**30:.2f} GiB of activations "
        f"({images} images of {bucket.size_px} px) and "
        f"{weights / 2**30:.2f} GiB of weights, gradients and averages; "
        "a smaller --device_batch_size takes less"
    )


def _train(model, pipeline):
    """Returns the number of steps, the seconds of the last, and its loss."""
    clock = _Clock()
    logs = model.fit(
        pipeline.epoch(0).take(_STEPS),
        callbacks=[StopIfNotFinite(0), clock],
        shuffle=False,
        verbose=0,
    ).history
    return clock.steps, clock.seconds, logs["loss"][-1]


class _Clock(keras.callbacks.Callback):
    """Attributes: steps: int. seconds: float. Of the last one."""

    def on_train_batch_begin(self, batch, logs=None):
        """Keras calls this before every step."""
        self.steps = batch + 1
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        self.seconds = time.perf_counter() - self._start


def _peak_gib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

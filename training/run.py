"""A training run, from its settings to the work directory."""

import contextlib
import dataclasses

import keras
import tensorflow as tf

import keras_mvit
from keras_mvit.training.data.bad_images import (
    leave_out_bad_images,
    report_left_out,
)
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.threads import ending_threads
from keras_mvit.training.describe import describe
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.initial_run import start_from_run
from keras_mvit.training.make_pipeline import make_pipeline
from keras_mvit.training.quantize_aware import check_supported
from keras_mvit.training.resolve import resolve
from keras_mvit.training.snapshots import write_snapshots
from keras_mvit.training.trainer import Trainer
from keras_mvit.training.workdir import WorkDirectory


@ending_threads()
def train_model(settings, distribution=ALONE):
    """Trains a model, or goes on where an earlier call was stopped.

    Args:
        settings: `Settings`.
        distribution: `Distribution`, from `connection.connected`. Every process
            of it calls this with the same settings.

    Returns:
        list of dict: the history, one row an epoch (`history.COLUMNS`).

    Raises:
        ValueError: bad settings or images, or a work directory of another run,
            or of one that is running.
        DivergedError: the loss is not finite any more.

    Example:
    >>> train_model(Settings("runs/digits", epochs=1))  # doctest: +SKIP
    """
    settings, pipeline = prepare(settings, distribution)
    workdir = WorkDirectory(settings.workdir)
    with contextlib.ExitStack() as stack:
        if distribution.is_chief:
            stack.enter_context(workdir.locked())
            workdir.check_same_run(settings, pipeline.source)
            print(describe(settings, pipeline))
        trainer = Trainer(settings, pipeline, workdir, distribution)
        trainer.restore()
        if distribution.is_chief:  # nothing was refused
            workdir.start(settings, pipeline)
            write_snapshots(workdir, pipeline, settings)
        history = trainer.train()
    distribution.report(
        f"Finished: {len(history)} epochs, test top-1 "
        f"{history[-1]['val_top1']:.2%} of "
        f"{pipeline.source.num_images['test']} images. "
        f"{workdir.file('model.keras')} is ready for export; a larger --epochs "
        "goes on."
    )
    return history


def prepare(settings, distribution=ALONE):
    """Settles the settings and opens the data.

    Args:
        settings: `Settings`.
        distribution: `Distribution`.

    Returns:
        (`Settings`, `Pipeline`): resolved, and nothing written yet.

    Raises:
        ValueError: bad settings or images, or others in another process.
    """
    variant = keras_mvit.get_variant(settings.model)
    source = make_source(settings.dataset)
    if settings.quantize_aware or settings.sparsity:
        check_supported(distribution)
    if settings.init_workdir:
        settings = start_from_run(settings, source, distribution)
    settings = resolve(settings, source, variant)
    if settings.skip_bad_images:
        report_left_out(leave_out_bad_images(source), distribution.report)
    distribution.check_agreement(
        {
            **dataclasses.asdict(settings),
            "class_names": source.class_names,
            "num_images": source.num_images,
        }
    )
    if _be_deterministic(settings):
        tf.config.experimental.enable_op_determinism()
    return settings, make_pipeline(
        settings,
        source,
        variant.preprocessing,
        devices=distribution.num_devices,
        shard=distribution.shard,
    )


def _be_deterministic(settings):
    if keras.backend.backend() != "tensorflow":
        return False
    if settings.deterministic is None:
        # It costs little on CPUs; on GPUs it does, and some ops lack it.
        gpus = tf.config.list_physical_devices("GPU")
        return not (gpus or settings.jit_compile)
    if settings.deterministic and settings.jit_compile:
        raise ValueError(
            "On TensorFlow deterministic steps are not compiled: deterministic "
            "and jit_compile must not both be True"
        )
    return settings.deterministic

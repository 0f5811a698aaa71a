"""A training run, from its settings to the work directory."""

import keras_mvit
from keras_mvit.training.data.bad_images import leave_out_bad_images
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.make_pipeline import make_pipeline
from keras_mvit.training.snapshots import write_snapshots
from keras_mvit.training.trainer import Trainer
from keras_mvit.training.workdir import WorkDirectory


def train_model(settings):
    """Trains a model, or goes on where an earlier call was stopped.

    Args:
        settings: `Settings`.

    Returns:
        list of dict: the history, one row an epoch (`history.COLUMNS`).

    Raises:
        ValueError: bad settings or images, or a work directory of another run.
        DivergedError: the loss is not finite any more.

    Example:
    >>> train_model(Settings("runs/digits", epochs=1))  # doctest: +SKIP
    """
    preprocessing = keras_mvit.preprocessing(settings.model)
    source = make_source(settings.dataset)
    settings = settings.resolve(source, preprocessing)
    if settings.skip_bad_images:
        _report(leave_out_bad_images(source))
    pipeline = make_pipeline(settings, source, preprocessing)
    workdir = WorkDirectory(settings.workdir)
    workdir.start(settings, pipeline)
    _describe(settings, pipeline)
    write_snapshots(workdir, pipeline, settings)
    history = Trainer(settings, pipeline, workdir).train()
    print(
        f"Finished: {len(history)} epochs, test top-1 "
        f"{history[-1]['val_top1']:.2%} of {source.num_images['test']} images. "
        f"{workdir.file('model.keras')} is ready for export; a larger --epochs "
        "goes on."
    )
    return history


def _report(excluded):
    for split, names in excluded.items():
        print(f"Left out {len(names)} unreadable {split} images")
        for name in names:
            print(f"  {name}")


def _describe(settings, pipeline):
    source = pipeline.source
    sizes = ", ".join(
        f"{bucket.size_px} px x {bucket.batch_size}"
        for bucket in pipeline.buckets
    )
    print(
        f"{settings.model} on {settings.dataset}: "
        f"{len(source.class_names)} classes, "
        f"{source.num_images['train']} training and "
        f"{source.num_images['test']} test images\n"
        f"Batches of {sizes}; evaluation at {settings.image_size} px"
    )

"""Accuracy and loss over a whole data set."""

import os

import keras

import keras_mvit.layers  # registers them
from keras_mvit.files import write_json
from keras_mvit.training.data.bad_images import (
    leave_out_bad_images,
    naming_bad_images,
)
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.make_pipeline import make_pipeline
from keras_mvit.training.workdir import WorkDirectory


class Evaluator:
    """Top-1, top-5 and loss of a classifier that gives logits.

    The model itself stays uncompiled; its weights are read at each call.

    Args:
        model: `keras.Model`, images to logits (B, classes).
    """

    def __init__(self, model):
        num_classes = model.output_shape[-1]
        self._model = keras.Model(model.inputs, model.outputs)
        self._model.compile(
            loss=keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=[
                keras.metrics.CategoricalAccuracy(name="top1"),
                keras.metrics.TopKCategoricalAccuracy(
                    min(5, num_classes), name="top5"
                ),
            ],
        )

    def __call__(self, dataset):
        """Evaluates.

        Args:
            dataset: batches of images and one-hot labels, of known length.

        Returns:
            dict of float: `loss` (cross-entropy, without label smoothing),
            `top1` and `top5` (from 0 to 1; `top5` is top-k of all k classes
            if there are fewer than 5).
        """
        logs = self._model.evaluate(dataset, verbose=0, return_dict=True)
        return {key: float(logs[key]) for key in ("loss", "top1", "top5")}


def evaluate_workdir(path, batch_size=64):
    """Evaluates `model.keras` of a work directory; writes `evaluation.json`.

    Args:
        path: str. The work directory.
        batch_size: int. Images of a batch.

    Returns:
        dict: `loss`, `top1`, `top5` as of `Evaluator`, and `images`, the
        number they were measured on.

    Raises:
        ValueError: no or a damaged work directory, a data set of other
            classes, or an image that cannot be decoded.
    """
    workdir = WorkDirectory(path)
    settings = workdir.settings()
    source = make_source(settings.dataset)
    workdir.check_same_run(settings, source)
    if settings.skip_bad_images:
        leave_out_bad_images(source, ["test"])
    pipeline = make_pipeline(
        settings,
        source,
        keras_mvit.preprocessing(settings.model),
        eval_batch_size=batch_size,
    )
    evaluate = Evaluator(_load(workdir.file("model.keras")))
    with naming_bad_images(source, "test"):
        metrics = evaluate(pipeline.evaluation())
    images = source.num_images["test"]
    write_evaluation(workdir.file("evaluation.json"), metrics, images)
    return {**metrics, "images": images}


def write_evaluation(path, metrics, images):
    """Writes `evaluation.json`.

    Args:
        path: str.
        metrics: dict, from `Evaluator`.
        images: int. How many they were measured on.
    """
    write_json(path, {**metrics, "images": images})


def _load(path):
    if not os.path.exists(path):
        raise ValueError(f"There is no {path}: no epoch has been finished")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever zip, JSON and HDF5 make of it
        raise ValueError(f"{path} cannot be loaded: {error}") from error

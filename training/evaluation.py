"""Accuracy and loss over a whole data set, on any Keras backend."""

import dataclasses
import functools
import operator

import numpy as np

from keras_mvit.models import Preprocessing
from keras_mvit.training.data.bad_images import (
    leave_out_bad_images,
    naming_bad_images,
    report_left_out,
)
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.data.pipeline import Pipeline
from keras_mvit.training.data.threads import ending_threads
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.evaluation_counts import EvaluationCounts
from keras_mvit.training.evaluation_files import write_evaluation
from keras_mvit.training.evaluation_logits import compile_logits
from keras_mvit.training.evaluation_protocol import Protocol, load_model
from keras_mvit.training.workdir import WorkDirectory


class Evaluator:
    """Top-1, top-5 and loss of a classifier that gives logits.

    The model itself stays uncompiled; its weights are read at each call.

    Args:
        model: `keras.Model`, images to logits (B, classes).
        distribution: `Distribution`. The processes that evaluate, each its
            own images; every one gets the result of all.
    """

    def __init__(self, model, distribution=ALONE):
        self._distribution = distribution
        self._num_classes = model.output_shape[-1]
        self._logits = compile_logits(model)

    def __call__(self, dataset):
        """Evaluates.

        Args:
            dataset: batches of images and one-hot labels: arrays, or tensors
                of tf.data.

        Returns:
            `EvaluationCounts`, of all processes.
        """
        counts = EvaluationCounts.zeros(self._num_classes)
        for images, labels in dataset:
            labels = np.argmax(labels, axis=-1)
            counts += EvaluationCounts.of(self._logits(images), labels)
        return functools.reduce(operator.add, self._distribution.gather(counts))


@ending_threads()
def evaluate_workdir(path, batch_size=64, protocol=None, skip_bad_images=False):
    """Evaluates the model of a work directory, and writes the result there.

    The files are `evaluation.json` and `confusion.png`, with a suffix where
    the protocol is not the run's own.

    Args:
        path: str. The work directory.
        batch_size: int. Images of a batch.
        protocol: `Protocol`. Defaults to the run's own.
        skip_bad_images: bool. Whether images that cannot be decoded are left
            out, also where the run left out none.

    Returns:
        dict: what `evaluation.json` holds, as of
        `evaluation_files.write_evaluation`; and `files`, list of str, the
        names of those written.

    Raises:
        ValueError: no or a damaged work directory, a data set of other
            classes, or an image that cannot be decoded.
    """
    protocol = protocol or Protocol()
    workdir = WorkDirectory(path)
    settings = workdir.settings()
    source = make_source(protocol.dataset or settings.dataset, ["test"])
    workdir.check_same_run(settings, source)
    if settings.skip_bad_images or skip_bad_images:
        report_left_out(leave_out_bad_images(source, ["test"]))
    base = _read_preprocessing(workdir)
    pipeline = Pipeline(
        source,
        protocol.preprocessing(base),
        buckets=(),  # of training
        eval_batch_size=batch_size,
    )
    evaluate = Evaluator(load_model(workdir, protocol, settings.model))
    with naming_bad_images(source, "test"):
        counts = evaluate(pipeline.evaluation())
    if protocol.dataset:
        protocol = dataclasses.replace(protocol, dataset=source.name)
    return write_evaluation(
        workdir,
        counts,
        pipeline,
        protocol.weights,
        protocol.suffix(settings, base),
    )


def _read_preprocessing(workdir):
    values = workdir.read_json("preprocessing.json")
    try:
        return Preprocessing(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in values.items()
            }
        )
    except TypeError as error:
        raise ValueError(
            f"{workdir.file('preprocessing.json')} is damaged: {error}"
        ) from error

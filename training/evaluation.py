"""Accuracy and loss over a whole data set."""

import keras

from keras_mvit.training.files import write_json


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


def write_evaluation(path, metrics, images):
    """Writes `evaluation.json`.

    Args:
        path: str.
        metrics: dict, from `Evaluator`.
        images: int. How many they were measured on.
    """
    write_json(path, {**metrics, "images": images})

"""What a run writes for others than itself, from its history."""

from keras_mvit.training.evaluation_files import write_evaluation
from keras_mvit.training.history import write_csv
from keras_mvit.training.quantize_aware import write_ranges
from keras_mvit.training.summary import write_summary


class RunFiles:
    """The models, the history and the summary in a work directory.

    Args:
        workdir: `WorkDirectory`, started.
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.
        average: `keras.Model`. With ranges, of quantization-aware training.
        saved: `keras.Model`. What is written; see `models.Models`.
    """

    def __init__(self, workdir, settings, pipeline, average, saved):
        self._workdir = workdir
        self._settings = settings
        self._pipeline = pipeline
        self._average = average
        self._saved = saved

    def publish(self, history):
        """Writes what follows from the last checkpoint; twice does no harm.

        Args:
            history: list of dict, one row an epoch (`history.COLUMNS`).
        """
        last = history[-1]
        earlier = [row["val_top1"] for row in history[:-1]]
        self._workdir.save_model("model.keras", self._saved)
        if self._settings.quantize_aware:
            path = self._workdir.file("quantization.json")
            write_ranges(path, self._average)
        if last["val_top1"] > max(earlier, default=-1):
            self._workdir.save_model("best.keras", self._saved)
        write_csv(self._workdir.file("history.csv"), history)

    def summarize(self, history, counts, curves):
        """Writes what people look at when a run is at its end.

        Args:
            history: list of dict, one row an epoch.
            counts: `EvaluationCounts` of the saved model.
            curves: `TensorBoardCurves`.
        """
        evaluation = write_evaluation(self._workdir, counts, self._pipeline)
        curves.write_image(
            "confusion", self._workdir.file("confusion.png"), len(history)
        )
        write_summary(self._workdir, self._settings, history, evaluation)

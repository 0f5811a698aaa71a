"""Evaluates a trained model on the whole test set: flags and nothing else.

python -m keras_mvit.training.evaluate --workdir=runs/digits
"""

from absl import app, flags

from keras_mvit import console

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of a training run.", required=True
)
_WEIGHTS = flags.DEFINE_string(
    "weights",
    "ema",
    "ema: the averaged ones; raw: those that were trained; best: the average "
    "of the best epoch.",
)
_DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "Another data set with the same classes; its test split counts.",
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Height and width, in pixels. Default: the run's."
)
_CROP_FRACTION = flags.DEFINE_float(
    "crop_fraction",
    None,
    "The short side is resized to image_size / crop_fraction, then the centre "
    "is cut out. Default: the run's.",
)
_INTERPOLATION = flags.DEFINE_string(
    "interpolation", None, "bilinear or bicubic. Default: the run's."
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images of a batch.", 1)
_SKIP_BAD_IMAGES = flags.DEFINE_boolean(
    "skip_bad_images",
    False,
    "Try all images first and leave out those that cannot be decoded.",
)

_MAX_CLASSES = 20


def main(argv):
    """Evaluates.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    console.import_keras_quietly("tensorflow")
    from keras_mvit.training.evaluation import evaluate_workdir
    from keras_mvit.training.evaluation_files import describe
    from keras_mvit.training.evaluation_protocol import Protocol

    protocol = Protocol(
        _WEIGHTS.value,
        _DATASET.value,
        _IMAGE_SIZE.value,
        _CROP_FRACTION.value,
        _INTERPOLATION.value,
    )
    evaluation = evaluate_workdir(
        _WORKDIR.value, _BATCH_SIZE.value, protocol, _SKIP_BAD_IMAGES.value
    )
    print(describe(evaluation, _MAX_CLASSES))


def run():
    """The console script `keras-mvit-evaluate`."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

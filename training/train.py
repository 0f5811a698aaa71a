"""Trains a model: flags and nothing else.

python -m keras_mvit.training.train --dataset=digits --workdir=runs/digits
"""

import dataclasses

from absl import app, flags

from keras_mvit import console
from keras_mvit.training.settings import MIXED_PRECISION, Settings

_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder of the run; with a run in it, goes on.",
    required=True,
)
_MODEL = flags.DEFINE_string("model", Settings.model, "Name of the variant.")
_DATASET = flags.DEFINE_string(
    "dataset",
    Settings.dataset,
    "digits, folder:DIR (DIR/{train,test}/CLASS/*.jpg), or tfds:NAME or "
    "tfds:NAME:TRAIN,TEST (in the folder $TFDS_DATA_DIR).",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", Settings.epochs, "Passes over the training images, in all."
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", Settings.batch_size, "Images of a batch at --image_size."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    None,
    "Of evaluation and export, and the base of multi-scale training, pixels. "
    "Default: the data set's, else the model's.",
)
_MULTI_SCALE = flags.DEFINE_boolean(
    "multi_scale", True, "Whether training images come in several sizes."
)
_MIN_IMAGE_SIZE = flags.DEFINE_integer(
    "min_image_size", None, "Smallest training size. Default: 5/8."
)
_MAX_IMAGE_SIZE = flags.DEFINE_integer(
    "max_image_size", None, "Largest training size. Default: 5/4."
)
_NUM_SCALES = flags.DEFINE_integer(
    "num_scales", Settings.num_scales, "Training sizes from min to max."
)
_SIZE_DIVISOR = flags.DEFINE_integer(
    "size_divisor", None, "Of training sizes. Default: 32, below 128 px 16."
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", Settings.learning_rate, "The peak."
)
_FINAL_LEARNING_RATE = flags.DEFINE_float(
    "final_learning_rate", Settings.final_learning_rate, "At the end."
)
_WARMUP_EPOCHS = flags.DEFINE_float(
    "warmup_epochs", Settings.warmup_epochs, "Epochs until the peak."
)
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", Settings.weight_decay, "Decoupled (AdamW)."
)
_LABEL_SMOOTHING = flags.DEFINE_float(
    "label_smoothing", Settings.label_smoothing, "From 0 to below 1."
)
_EMA_DECAY = flags.DEFINE_float(
    "ema_decay", Settings.ema_decay, "Of the averaged weights; 0: none."
)
_MIXED_PRECISION = flags.DEFINE_enum(
    "mixed_precision",
    Settings.mixed_precision,
    list(MIXED_PRECISION),
    "Type of the activations; weights stay float32.",
)
_JIT_COMPILE = flags.DEFINE_boolean(
    "jit_compile", Settings.jit_compile, "Compile the step with XLA."
)
_CROP_SCALE = flags.DEFINE_list(
    "crop_scale",
    None,
    "Smallest and largest area of random crops, as LOW,HIGH. "
    "Default: the data set's; 0.08,1 for photographs.",
)
_HORIZONTAL_FLIP = flags.DEFINE_boolean(
    "horizontal_flip",
    None,
    "Mirror every other image. Default: the data set's; not for digits.",
)
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "File of weights to start from."
)
_SKIP_BAD_IMAGES = flags.DEFINE_boolean(
    "skip_bad_images",
    Settings.skip_bad_images,
    "Try all images first and leave out those that cannot be decoded.",
)
_CALIBRATION_IMAGES = flags.DEFINE_integer(
    "calibration_images",
    Settings.calibration_images,
    "Training images kept for the export's calibration, at most.",
)
_TEST_IMAGES = flags.DEFINE_integer(
    "test_images",
    Settings.test_images,
    "Test images kept for the export's comparison, at most.",
)
_SEED = flags.DEFINE_integer("seed", Settings.seed, "Of everything random.")


def main(argv):
    """Trains.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    console.import_keras_quietly()
    from keras_mvit.training.run import train_model

    names = [field.name for field in dataclasses.fields(Settings)]
    values = {name: flags.FLAGS[name].value for name in names}
    if _CROP_SCALE.value is not None:
        values["crop_scale"] = tuple(float(v) for v in _CROP_SCALE.value)
    train_model(Settings(**values))


def run():
    """The console script `keras-mvit-train`."""
    app.run(console.friendly(main, "The same command resumes."))


if __name__ == "__main__":
    run()

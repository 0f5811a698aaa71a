"""Exports a trained model to LiteRT files and compares each with Keras.

    python -m keras_mvit.export.export_tflite --workdir=runs/demo \
        --formats=float32,float16,dynamic,int8 --output_dir=runs/demo/export

Without a work directory, `--model=NAME` exports that architecture, with
`--weights=PATH` or at random.
"""

from absl import app, flags

from keras_mvit import console
from keras_mvit.export import (
    card,
    exporter,
    formats,
    packaging,
    source,
    workdir,
)

_WORKDIR = flags.DEFINE_string("workdir", None, "Work directory to export.")
_MODEL = flags.DEFINE_string("model", None, "Model, without a workdir.")
_WEIGHTS = flags.DEFINE_string("weights", None, "With --model: its weights.")
_NUM_CLASSES = flags.DEFINE_integer(
    "num_classes", None, "With --model. Default: one a label, or 1000.", 1
)
_LABELS = flags.DEFINE_string(
    "labels", None, "With --model: text file, one class a line."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "With --model: pixels. Default: the model's own.", 32
)
_CALIBRATION_IMAGES = flags.DEFINE_string(
    "calibration_images", None, "With --model: .npz or folder of images."
)
_TEST_IMAGES = flags.DEFINE_string(
    "test_images", None, "With --model: .npz or folder of other images."
)
_FORMATS = flags.DEFINE_list(
    "formats",
    list(formats.DEFAULT_FORMATS),
    f"Formats to write, of {', '.join(formats.FORMATS)}.",
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where to.")
_NUM_CALIBRATION_IMAGES = flags.DEFINE_integer(
    "num_calibration_images",
    None,
    "How many to take for int8. Default: 256, or as many as there are.",
    1,
)
_NUM_TEST_IMAGES = flags.DEFINE_integer(
    "num_test_images",
    None,
    "With --model: how many to compare on. Default: 2000.",
    1,
)
_OUTPUT = flags.DEFINE_enum(
    "output", "logits", packaging.OUTPUTS, "What the files return."
)
_INPUT_TYPE = flags.DEFINE_enum(
    "input_type", "float32", formats.TYPES, "What int8 files take."
)
_OUTPUT_TYPE = flags.DEFINE_enum(
    "output_type", "float32", formats.TYPES, "What int8 files return."
)
_SENSITIVITY = flags.DEFINE_bool(
    "sensitivity", False, "Whether to tell what each layer costs in int8."
)
_MAX_ACCURACY_DROP = flags.DEFINE_float(
    "max_accuracy_drop",
    None,
    "Most of top-1 that int8 may lose, 0.01 for a point; layers that cost most"
    " stay float32.",
)
_SPLIT_CONVOLUTIONS = flags.DEFINE_bool(
    "split_convolutions",
    True,
    "Whether 3x3 convolutions of float32 and float16 take Winograd's products:"
    " faster on CPUs, and larger. Off for GPU delegates, which do that.",
)
_AUTHOR = flags.DEFINE_string("author", "keras-mvit", "For the metadata.")
_MODEL_VERSION = flags.DEFINE_string("model_version", "1", "For the metadata.")
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of random weights and the choice of images."
)
flags.mark_flag_as_required("output_dir")

_MOST_TEST_IMAGES = 2000


def main(argv):
    """Exports what the flags say and prints a table."""
    del argv
    presentation = packaging.Presentation(
        output=_OUTPUT.value,
        author=_AUTHOR.value,
        version=_MODEL_VERSION.value,
        input_type=_INPUT_TYPE.value,
        output_type=_OUTPUT_TYPE.value,
    )
    rows = formats.get_formats(_FORMATS.value, presentation.types)
    packaging.check_formats(rows, presentation)
    _check_flags()
    console.import_keras_quietly()
    result = exporter.export(
        _source(),
        _FORMATS.value,
        _OUTPUT_DIR.value,
        num_calibration_images=_NUM_CALIBRATION_IMAGES.value,
        seed=_SEED.value,
        presentation=presentation,
        analyze_layers=_SENSITIVITY.value,
        max_accuracy_drop=_MAX_ACCURACY_DROP.value,
        split_convolutions=_SPLIT_CONVOLUTIONS.value,
    )
    print(card.table(result))


def _check_flags():
    """Finds what can be wrong before the seconds TensorFlow takes to load."""
    if (_WORKDIR.value is None) == (_MODEL.value is None):
        raise ValueError("Give either --workdir or --model")
    if _WORKDIR.value is not None:
        of_model = (
            _WEIGHTS,
            _NUM_CLASSES,
            _LABELS,
            _IMAGE_SIZE,
            _CALIBRATION_IMAGES,
            _TEST_IMAGES,
            _NUM_TEST_IMAGES,
        )
        for flag in of_model:
            if flag.value is not None:
                raise ValueError(
                    f"--{flag.name} goes with --model; a work directory has"
                    " its own"
                )
        workdir.find_files(_WORKDIR.value)


def _source():
    if _WORKDIR.value is not None:
        return workdir.read_workdir(_WORKDIR.value)
    return source.from_name(
        _MODEL.value,
        weights=_WEIGHTS.value,
        num_classes=_NUM_CLASSES.value,
        image_size=_IMAGE_SIZE.value,
        calibration_images=_CALIBRATION_IMAGES.value,
        # As many again, to judge layers on.
        num_calibration_images=2
        * (_NUM_CALIBRATION_IMAGES.value or exporter.CALIBRATION_IMAGES),
        test_images=_TEST_IMAGES.value,
        num_test_images=_NUM_TEST_IMAGES.value or _MOST_TEST_IMAGES,
        seed=_SEED.value,
        labels=_LABELS.value,
    )


def run():
    """Entry point of the console script."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

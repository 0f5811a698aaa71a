"""Accuracy and size of each format, on the test images of a trained model.

    python -m benchmarks.quantization --images=DIR
    python -m benchmarks.quantization --workdir=runs/cifar10 --check

DIR is CIFAR-10 as train/CLASS/*.png and test/CLASS/*.png; the model is that of
`benchmarks.train_cifar10` whose weights are in `tests/data`. A work directory
has a model and images of its own.

Exports the model in each format, as the command of the package does, and
compares the files with the one of float32. int16x8 is not among the default
formats, as a CPU takes very long for it.

`--check` ends with status 1 where a bound is missed: points of top-1 lost, with
and without quantization-aware training, and the size of int8.
"""

import os
import sys
import tempfile

from absl import app, flags

from benchmarks import quantization_figures
from keras_mvit import console

_IMAGES = flags.DEFINE_string("images", None, "Folder of CIFAR-10's images.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Of a trained model.")
_FORMATS = flags.DEFINE_list(
    "formats", ["float16", "dynamic", "int8", "int8_full"], "Beside float32."
)
_NUM_CALIBRATION_IMAGES = flags.DEFINE_integer(
    "num_calibration_images", 256, "How many to take for int8.", 1
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the choice of images.")
_CHECK = flags.DEFINE_boolean("check", False, "Whether misses are an error.")
flags.mark_flags_as_mutual_exclusive(["images", "workdir"], required=True)


def main(argv):
    """Export, print, and check if asked to."""
    del argv
    console.import_keras_quietly()
    from benchmarks.cifar10_source import cifar10_source
    from keras_mvit.export import exporter, workdir

    if _WORKDIR.value is None:
        source = cifar10_source(
            _IMAGES.value, _NUM_CALIBRATION_IMAGES.value, _SEED.value
        )
    else:
        source = workdir.read_workdir(_WORKDIR.value)
    is_trained = source.ranges is not None
    with tempfile.TemporaryDirectory() as folder:
        card = exporter.export(
            source,
            ["float32", *_FORMATS.value],
            folder,
            num_calibration_images=_NUM_CALIBRATION_IMAGES.value,
            seed=_SEED.value,
        )
        files = [_figures(file, folder) for file in card["files"]]
    print(
        f"{files[0]['num_images']} test images, quantization-aware training:"
        f" {'yes' if is_trained else 'no'}"
    )
    print(quantization_figures.table(files))
    missed = quantization_figures.misses(files, is_trained)
    if _CHECK.value and missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)


def _figures(file, folder):
    from keras_mvit.export.interpret import LiteRTModel

    with open(os.path.join(folder, file["file"]), "rb") as opened:
        partitions = LiteRTModel(opened.read()).num_partitions
    return {**file, "num_partitions": partitions}


if __name__ == "__main__":
    app.run(console.friendly(main))

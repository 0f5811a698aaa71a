"""Every variant in every format, at its own size and at another one.

    python -m benchmarks.exports --formats=float32,float16,dynamic,int8
    python -m benchmarks.exports --models=cmt_ti --check

Random weights. A file gets its line as soon as it is made: it has builtin
operators only, runs, and agrees with Keras on random images within the bounds
of its format, as any export does. Files are not kept. All variants in these
four formats take some minutes; in the integer-only ones, which the runtime has
no fast kernels for here, hours.

A file that cannot be made, or one in several partitions of a format that is not
integer only, is a miss, and `--check` ends with status 1 if there are any.
"""

import sys

from absl import app, flags

from keras_mvit import console

_MODELS = flags.DEFINE_list("models", None, "Which. Default: all.")
_FORMATS = flags.DEFINE_list("formats", None, "Which. Default: all.")
_SIZES = flags.DEFINE_list(
    "sizes", ["native", "128"], "In pixels; native: the variant's own."
)
_NUM_IMAGES = flags.DEFINE_integer("num_images", 4, "To compare on.", 1)
_CHECK = flags.DEFINE_boolean(
    "check", False, "Whether a file that is missing is an error."
)
_CALIBRATION_IMAGES = 8
_COLUMNS = "{:<16} {:>4}  {:<10} {:>7} {:>10}  {}"


def main(argv):
    """Export, print, and check if asked to."""
    del argv
    console.import_keras_quietly()
    import keras

    import keras_mvit
    from keras_mvit.export.formats import FORMATS, get_formats

    rows = get_formats(_FORMATS.value or list(FORMATS))
    print(_COLUMNS.format("model", "px", "format", "MB", "partitions", "noise"))
    missed = []
    for name in _MODELS.value or keras_mvit.list_models():
        for size in _sizes(name):
            missed += _export(name, size, rows)
            keras.utils.clear_session(free_memory=True)
    print(f"{len(missed)} missed", *missed, sep="\n")
    if _CHECK.value and missed:
        sys.exit(1)


def _sizes(name):
    import keras_mvit

    own = keras_mvit.preprocessing(name).image_size[0]
    sizes = [own if s == "native" else int(s) for s in _SIZES.value]
    return list(dict.fromkeys(sizes))


def _export(name, size, rows):
    """Prints a line for each format; returns what was missed."""
    from keras_mvit.export import calibration, compare, convert, source

    made = source.from_name(name, image_size=size)
    image_size = made.preprocessing.image_size
    try:
        float32 = convert.to_float32(made.model, image_size)
    except ValueError as error:
        return [f"{name} at {size} px: {error}"]
    ranges = calibration.pixel_range(float32, made.preprocessing)
    reference = compare.Reference(
        made.model, _inputs(made, _NUM_IMAGES.value, seed=0), real=False
    )
    calibrated = _inputs(made, _CALIBRATION_IMAGES, seed=1)
    missed = []
    for row in rows:
        found, miss = _judge(row, float32, calibrated, ranges, reference)
        print(_COLUMNS.format(name, size, row.name, *found), flush=True)
        if miss:
            missed.append(f"{name} at {size} px, {row.name}: {miss}")
    return missed


def _inputs(made, count, seed):
    from keras_mvit.export import images

    size = made.preprocessing.image_size
    random = images.random_images(count, size, seed).images
    return images.ModelInputs(random, made.preprocessing)


def _judge(row, float32, calibrated, ranges, reference):
    """Returns the cells of a file, and what is wrong with it or None."""
    from keras_mvit.export import quantize
    from keras_mvit.export.interpret import LiteRTModel

    images = calibrated if row.activation_bits else None
    known = ranges if row.activation_bits else None
    try:
        content = quantize.quantize_file(float32, row, images, known)
        noise = reference.judge(content, row).rms_diff
    except ValueError as error:
        return ["-", "-", "none"], str(error)
    partitions = LiteRTModel(content).num_partitions
    several = partitions != 1 and not row.integer_only
    return (
        [f"{len(content) / 1e6:.2f}", partitions, f"{noise:.2g}"],
        f"{partitions} partitions" if several else None,
    )


if __name__ == "__main__":
    app.run(console.friendly(main))

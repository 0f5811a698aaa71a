"""What zeros among the weights save: bytes, zipped bytes, milliseconds.

python -m benchmarks.sparsity --model=mobilevit_xxs --sparsities=0.5,0.75

Of random weights, whose smallest are set to zero as `--sparsity` of training
does; neither size nor speed depends on what they were trained for.
"""

import zlib

from absl import app, flags

from benchmarks.measuring import interleaved_medians_ms
from keras_mvit import console

_MODEL = flags.DEFINE_string("model", "mobilevit_xxs", "Of list_models().")
_SPARSITIES = flags.DEFINE_list("sparsities", ["0.5", "0.75"], "Shares.")
_SECONDS = flags.DEFINE_float("seconds", 20.0, "Of timing, for each format.")
_FORMATS = ("float32", "int8")
_HEADER = ("file", "bytes", "zipped", "ratio of zipped", "ratio of time")


def make_files(name, sparsity):
    """Returns {format: LiteRT file} of a model with so many zeros."""
    import keras
    import numpy as np

    import keras_mvit
    from keras_mvit.export import convert, quantize
    from keras_mvit.export.formats import FORMATS
    from keras_mvit.training.pruning import largest, prunable_kernels

    keras.utils.set_random_seed(0)
    model = keras_mvit.create_model(name)
    for kernel in prunable_kernels(model):
        values = kernel.numpy()
        kernel.assign(values * largest(values, sparsity))
    size = model.input_shape[1:3]
    float32 = convert.to_float32(model, size)
    images = np.random.default_rng(0).random((4, *size, 3), "float32")
    return {
        form: quantize.quantize_file(float32, FORMATS[form], images)
        for form in _FORMATS
    }


def zipped_bytes(content):
    """Returns the size of a file inside an app's package, deflated."""
    return len(zlib.compress(content, 9))


def _runner(content):
    import numpy as np

    from keras_mvit.export.interpret import LiteRTModel

    model = LiteRTModel(content, num_threads=1)
    model.set_random_inputs(np.random.default_rng(0))
    return model.invoke


def main(argv):
    """Prints a table, ratios to the file without zeros."""
    del argv
    console.import_keras_quietly()
    sparsities = [0.0, *map(float, _SPARSITIES.value)]
    made = {s: make_files(_MODEL.value, s) for s in sparsities}
    rows = []
    for form in _FORMATS:
        files = {s: made[s][form] for s in sparsities}
        runners = {s: _runner(content) for s, content in files.items()}
        times = interleaved_medians_ms(runners, _SECONDS.value)
        for s, content in files.items():
            zipped = zipped_bytes(content)
            rows.append(
                [
                    f"{form}, {s:.0%} zeros",
                    f"{len(content):,}",
                    f"{zipped:,}",
                    f"{zipped / zipped_bytes(files[0.0]):.2f}",
                    f"{times[s] / times[0.0]:.2f}",
                ]
            )
    print(console.table(_HEADER, rows))


if __name__ == "__main__":
    app.run(console.friendly(main))

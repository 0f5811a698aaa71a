"""What makes int8 fast, and what keeps it from being faster.

    python -m benchmarks.latency_int8 --models=mobilevit_xxs,mobilevit_s

The int8 file takes turns with the float32 one, and one without Winograd's
products, which int8 cannot have; with int8 ones that were made without one of
our passes; and with such as lack SiLU, a table in int8, or softmax, which
XNNPACK has in float only, with the conversions around it. Those answer
nonsense: they tell what a perfect kernel would gain. One thread, random
weights.
"""

from unittest import mock

from absl import app

from benchmarks import latency
from benchmarks.latency_figures import MAX_INT8_RATIO, measure
from benchmarks.operators_left_out import without_silu, without_softmax
from keras_mvit import console
from keras_mvit.export import (
    integer_concatenation,
    pixel_pairs,
    quantize,
    split_heads,
    transpose_products,
)

_PASSES = {
    "products not transposed": (transpose_products, "transpose"),
    "heads at once": (split_heads, "split"),
    "pixels one by one": (pixel_pairs, "pair"),
    "concatenations in float32": (integer_concatenation, "concatenate"),
}


def main(argv):
    """Measure and print."""
    del argv
    latency.check_models()
    console.import_keras_quietly()
    for model in latency.MODELS.value:
        converted = latency.converted(model)
        made = latency.our_files(converted)
        contents = {
            **made,
            "float32, 3x3 convolutions whole": quantize.quantize_file(
                converted, "float32", split_convolutions=False
            ),
            **{name: _without(one, converted) for name, one in _PASSES.items()},
            "without softmax": without_softmax(made["int8"]),
            "without SiLU": without_silu(made["int8"]),
            "without both": without_softmax(without_silu(made["int8"])),
        }
        files = measure(contents, latency.RUNS.value)
        rows = [
            [
                file.name,
                f"{file.median_ms:.2f}",
                f"{file.median_ms / files[0].median_ms:.3f}",
                str(file.num_partitions),
            ]
            for file in files
        ]
        print(f"{model}: bound of int8 {MAX_INT8_RATIO[model]:.2f}")
        header = ["", "ms", "/ float32", "parts"]
        print(console.table(header, rows), end="\n\n", flush=True)


def _without(one, converted):
    """Return the int8 file that is made without one of the passes."""
    with mock.patch.object(*one):
        return latency.our_files(converted)["int8"]


if __name__ == "__main__":
    app.run(console.friendly(main))

"""Prints what every variant costs, counted and published.

    python -m keras_mvit.analysis.table
    python -m keras_mvit.analysis.table --check

`--check` ends with status 1 where the parameters are not exactly the
published ones, or the multiply-adds deviate by more than 2 %.
"""

import sys

import tqdm
from absl import app, flags

from keras_mvit import console

_CHECK = flags.DEFINE_boolean(
    "check", False, "Whether deviations from the published figures are errors."
)


def main(argv):
    """Count every variant and print the table."""
    del argv
    console.import_keras_quietly()
    import keras_mvit
    from keras_mvit.analysis import count, published

    rows, missed = [], []
    names = keras_mvit.list_models()
    for name in tqdm.tqdm(names, "Counting", leave=False, disable=None):
        variant = keras_mvit.get_variant(name)
        counted = count(keras_mvit.create_model(name))
        rows.append(published.row(variant, counted))
        missed += published.misses(variant, counted)
    print(console.table(published.HEADER, rows))
    print(
        "Size in pixels; parameters with 1000 classes; GMACs are 1e9 "
        "multiply-adds; MiB is\nthe peak of activations, float32, one image; "
        "top-1 on ImageNet-1k as published, %."
    )
    if _CHECK.value and missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    app.run(console.friendly(main))

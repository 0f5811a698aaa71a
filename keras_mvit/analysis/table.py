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

MAX_MACS_DEVIATION = 0.02
_HEADER = [
    "model",
    "size",
    "parameters",
    "published",
    "GMACs",
    "publ.",
    "diff",
    "MiB",
    "top-1",
]


def row(variant, count):
    """Return the cells of one variant.

    Args:
        variant: keras_mvit.models.Variant. The published figures.
        count: keras_mvit.analysis.Count. Ours.

    Returns:
        list of str.
    """
    height, _ = variant.preprocessing.image_size
    return [
        variant.name,
        str(height),
        f"{count.parameters:,}",
        f"{variant.parameters:,}",
        f"{count.macs / 1e9:.3f}",
        f"{variant.gmacs:.3f}",
        f"{_deviation(variant, count):+.2%}",
        f"{count.peak_bytes / 2**20:.1f}",
        f"{variant.top1:.2f}",
    ]


def misses(variant, count):
    """Return where a count misses the published figures, as list of str."""
    found = []
    if count.parameters != variant.parameters:
        found.append(
            f"{variant.name} has {count.parameters:,} parameters, not exactly "
            f"{variant.parameters:,}"
        )
    if abs(_deviation(variant, count)) > MAX_MACS_DEVIATION:
        found.append(
            f"{variant.name} has {count.macs / 1e9:.3f} GMACs, not within "
            f"{MAX_MACS_DEVIATION:.0%} of {variant.gmacs:.3f}"
        )
    return found


def _deviation(variant, count):
    return count.macs / 1e9 / variant.gmacs - 1


def main(argv):
    """Count every variant and print the table."""
    del argv
    console.import_keras_quietly()
    import keras_mvit
    from keras_mvit.analysis import count

    rows, missed = [], []
    names = keras_mvit.list_models()
    for name in tqdm.tqdm(names, "Counting", leave=False, disable=None):
        variant = keras_mvit.get_variant(name)
        counted = count(keras_mvit.create_model(name))
        rows.append(row(variant, counted))
        missed += misses(variant, counted)
    print(console.table(_HEADER, rows))
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

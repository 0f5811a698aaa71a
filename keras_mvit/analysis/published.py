"""Counted figures beside the published ones."""

MAX_MACS_DEVIATION = 0.02
HEADER = [
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

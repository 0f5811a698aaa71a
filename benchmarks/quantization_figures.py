"""Accuracy and size of formats, as a table, and their bounds."""

from keras_mvit import console

# Points of top-1.
_MAX_DROP = {"float16": 0.2, "dynamic": 0.2, "int8": 1.0}
_MAX_DROP_TRAINED = {**_MAX_DROP, "int8": 0.5, "int8_full": 2.0}
_MAX_SIZE = {"int8": 0.30}  # of float32


def misses(files, is_trained):
    """Tell which bounds are missed.

    Args:
        files: list of dict, as in export.json, that of float32 first.
        is_trained: bool. Whether training was aware of quantization.

    Returns:
        list of str.
    """
    max_drop = _MAX_DROP_TRAINED if is_trained else _MAX_DROP
    float32 = files[0]
    found = []
    for file in files[1:]:
        name = file["format"]
        drop = _drop(file, float32)
        if name in max_drop and not drop <= max_drop[name]:
            found.append(
                f"{name}: {drop:.2f} points of top-1 are lost, at most"
                f" {max_drop[name]:g} may be"
            )
        size = file["size_bytes"] / float32["size_bytes"]
        if name in _MAX_SIZE and not size <= _MAX_SIZE[name]:
            found.append(
                f"{name}: {size:.3f} of the size of float32, at most"
                f" {_MAX_SIZE[name]:g} may be"
            )
    return found


def table(files):
    """Lay out the files, that of float32 first."""
    header = [
        "format",
        "MB",
        "size",
        "top-1 %",
        "lost",
        "agree %",
        "rms",
        "partitions",
    ]
    rows = [
        [
            file["format"],
            f"{file['size_bytes'] / 1e6:.3f}",
            f"{file['size_bytes'] / files[0]['size_bytes']:.3f}",
            f"{100 * file['top1']:.2f}",
            f"{_drop(file, files[0]):.2f}",
            f"{100 * file['agreement']:.2f}",
            f"{file['rms_diff']:.4f}",
            str(file["num_partitions"]),
        ]
        for file in files
    ]
    return console.table(header, rows)


def _drop(file, float32):
    """Points of top-1 lost."""
    # Of one image in a million, so that a bound is not missed by rounding.
    return round(100 * (float32["top1"] - file["top1"]), 4)

"""From the text of `--dataset` to a `Source`."""

from keras_mvit.training.data.source import SPLITS


def make_source(spec, splits=SPLITS):
    """Opens a data set.

    Args:
        spec: str. `digits` (embedded), `folder:DIR` or `tfds:NAME`, the last
            optionally with `:TRAIN,TEST` splits.
        splits: sequence of str. A folder need hold no others.

    Returns:
        A `Source`.

    Raises:
        ValueError: the kind is unknown, or the data set is not as its kind
            demands.
    """
    kind, _, rest = spec.partition(":")
    if kind not in _KINDS or (kind == "digits") != (not rest):
        raise ValueError(
            f"Unknown data set {spec!r}; accepted are digits, "
            "folder:DIR (DIR/{train,test}/CLASS/*.jpg) and "
            "tfds:NAME or tfds:NAME:TRAIN,TEST"
        )
    return _KINDS[kind](rest, splits)


def _digits(_, splits):
    from keras_mvit.training.data.digits import Digits

    return Digits()


def _folder(directory, splits):
    from keras_mvit.training.data.folder import ImageFolder

    return ImageFolder(directory, splits)


def _tfds(spec, splits):
    from keras_mvit.training.data.tfds_source import TfdsSource

    return TfdsSource(spec)


# Opened by functions: TFDS and scikit-learn are slow to import.
_KINDS = {"digits": _digits, "folder": _folder, "tfds": _tfds}

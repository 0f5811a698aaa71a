"""From the text of `--dataset` to a `Source`."""


def make_source(spec):
    """Opens a data set.

    Args:
        spec: str. `digits` (embedded), `folder:DIR` or `tfds:NAME`, the last
            optionally with `:TRAIN,TEST` splits.

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
    return _KINDS[kind](rest)


def _digits(_):
    from keras_mvit.training.data.digits import Digits

    return Digits()


def _folder(directory):
    from keras_mvit.training.data.folder import ImageFolder

    return ImageFolder(directory)


def _tfds(spec):
    from keras_mvit.training.data.tfds_source import TfdsSource

    return TfdsSource(spec)


# Opened by functions: TFDS and scikit-learn are slow to import.
_KINDS = {"digits": _digits, "folder": _folder, "tfds": _tfds}

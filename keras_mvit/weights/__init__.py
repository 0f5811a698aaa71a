"""Reference checkpoints and Keras files into our models, or not at all."""

import importlib

__all__ = ["load_reference_weights", "load_weights"]


def __getattr__(name):
    # Found when asked for, so that `keras_mvit.weights.convert` answers
    # --help before keras is imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("keras_mvit.weights.loading"), name)

"""What a model costs, and where it looks."""

import importlib

# Found when asked for, so that the commands of this package answer --help
# before keras is imported.
_PUBLIC = {
    "Count": "keras_mvit.analysis.counting",
    "context_scores": "keras_mvit.analysis.scores",
    "count": "keras_mvit.analysis.counting",
    "save_picture": "keras_mvit.analysis.picture",
    "training_activation_bytes": "keras_mvit.analysis.counting",
}
__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)

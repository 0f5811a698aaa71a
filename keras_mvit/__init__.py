"""MobileViT v1, MobileViTv2 and CMT in Keras 3."""

import importlib
import os
import sys

__version__ = "0.1.0"

_PUBLIC = {
    "create_backbone": "keras_mvit.models",
    "create_model": "keras_mvit.models",
    "get_variant": "keras_mvit.models",
    "list_models": "keras_mvit.models",
    "load_reference_weights": "keras_mvit.weights",
    "preprocessing": "keras_mvit.models",
    "scale_cmt": "keras_mvit.models",
}
_PACKAGES = ("analysis", "layers")
__all__ = [*_PUBLIC, *_PACKAGES]


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"keras_mvit.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def _is_command():
    """Whether Python was started for one of our commands."""
    program = sys.argv[0] if sys.argv else ""  # none where Python is embedded
    if program == "-m":  # the package is imported for one of its modules
        return sys.orig_argv[-len(sys.argv)].startswith("keras_mvit.")
    folder, name = os.path.split(program)
    if name.endswith(".py"):  # a script, or a module that is run
        checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        return folder == os.path.join(checkout, "benchmarks")
    return name.startswith("keras-mvit-")


if not _is_command():
    # Registers the layers, so that `keras.saving.load_model` finds them. The
    # commands do this later: they answer --help and bad flags at once, and
    # keep TensorFlow's start-up lines off the screen.
    from keras_mvit import layers, models, weights  # noqa: F401

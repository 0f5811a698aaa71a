"""What a run takes over from another one that it goes on from."""

import dataclasses
import os

from keras_mvit.training.checkpoint import has_checkpoint
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.workdir import WorkDirectory

# How its images were seen: without other flags they are seen so again.
_TAKEN_OVER = (
    "image_size",
    "crop_fraction",
    "interpolation",
    "crop_scale",
    "horizontal_flip",
)


def start_from_run(settings, source, distribution=ALONE):
    """Completes settings by those of the run in their `init_workdir`.

    Once the new run has a checkpoint, it goes on without that one, which may
    be gone: its own settings have what it took over.

    Args:
        settings: `Settings`, not yet resolved.
        source: `Source` of the new run.
        distribution: `Distribution`. Only its chief reads the new run.

    Returns:
        `Settings` whose `weights` are that run's `model.keras`.

    Raises:
        ValueError: there is no trained run, or one of another model, size or
            classes; or other weights are asked for as well.
    """
    path = settings.init_workdir
    weights = WorkDirectory(path).file("model.keras")
    begun = _begun(settings) if distribution.is_chief else None
    begun = distribution.from_chief(begun)
    initial, class_names = begun or _described(WorkDirectory(path))
    if settings.weights not in (None, weights):
        raise ValueError(
            "Give either init_workdir or weights to start from, got "
            f"{path} and {settings.weights}"
        )
    if not begun and not os.path.exists(weights):
        raise ValueError(
            f"{path} is not trained yet: there is no model.keras in it"
        )
    size = settings.image_size or initial.image_size
    _check_same(path, "model", initial.model, settings.model)
    _check_same(path, "image_size", initial.image_size, size)
    _check_same(path, "class_names", class_names, source.class_names)
    taken_over = {
        name: getattr(initial, name)
        for name in _TAKEN_OVER
        if getattr(settings, name) is None
    }
    return dataclasses.replace(settings, weights=weights, **taken_over)


def _begun(settings):
    """What `_described` tells of the new run, if it has a checkpoint."""
    workdir = WorkDirectory(settings.workdir)
    return _described(workdir) if has_checkpoint(workdir.path) else None


def _described(workdir):
    """The `Settings` and the class names of a run."""
    return workdir.settings(), workdir.labels()


def _check_same(path, name, theirs, ours):
    if theirs != ours:
        raise ValueError(f"{path} is of a run with {name}={theirs}, not {ours}")

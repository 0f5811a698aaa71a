"""Everything a run needs to go on, in one file, with the previous one kept."""

import contextlib
import json
import os
import zipfile
import zlib

import numpy as np

from keras_mvit.files import replacing
from keras_mvit.training.callbacks import DivergedError
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.models import GRADIENTS

CURRENT = "checkpoint.npz"
PREVIOUS = "checkpoint_previous.npz"
DAMAGED = "checkpoint_damaged.npz"
DIVERGED = "checkpoint_diverged.npz"
_PROGRESS = "progress"


class Checkpoints:
    """The two newest checkpoints of a run.

    Args:
        workdir: str. Folder of the files; only the chief looks there.
        variables: dict of str to `keras.Variable`: the whole state. Of those
            of the group `GRADIENTS`, a checkpoint may have others.
        distribution: `Distribution`. The processes that have this state.
    """

    def __init__(self, workdir, variables, distribution=ALONE):
        self._workdir = workdir
        self._variables = variables
        self._distribution = distribution
        self._step = None  # of the newest that this process has written

    def save(self, progress, step):
        """Writes the newest checkpoint; one of an earlier step is kept.

        Args:
            progress: what else to keep; anything JSON can hold.
            step: int. Of the run.

        Raises:
            DivergedError: a variable is not finite; nothing is written.
        """
        if not self._distribution.is_chief:
            return
        arrays = {key: np.asarray(v) for key, v in self._variables.items()}
        for key, array in arrays.items():
            if not np.isfinite(array).all():
                path = self._variables[key].path
                raise DivergedError(f"{path} is not finite after step {step}")
        arrays[_PROGRESS] = np.array(json.dumps(progress))
        current = self._path(CURRENT)
        with replacing(current) as partial:
            np.savez(partial, **arrays)
            if os.path.exists(current) and step != self._step:
                os.replace(current, self._path(PREVIOUS))
        self._step = step

    def restore(self):
        """Loads the newest checkpoint that can be read.

        One that cannot is renamed, so that it never replaces a good one.

        Returns:
            The `progress` it was saved with, or `None` if there is none yet.

        Raises:
            ValueError: no checkpoint can be read, or one is of another model.
        """
        newest = self._newest() if self._distribution.is_chief else None
        newest = self._distribution.from_chief(newest)
        return newest and self._assign(*newest)

    def set_aside(self):
        """Renames the newest checkpoint, so that the one before it counts."""
        names = (CURRENT, PREVIOUS) if self._distribution.is_chief else ()
        for name in names:
            if os.path.exists(self._path(name)):
                return os.replace(self._path(name), self._path(DIVERGED))

    def _newest(self):
        """Returns (name, arrays), or `None` if there is no checkpoint."""
        unreadable = []
        for name in (CURRENT, PREVIOUS):
            if not os.path.exists(self._path(name)):
                continue
            try:
                arrays = _read(self._path(name))
            except _UNREADABLE as error:
                unreadable.append(f"{self._path(name)} ({error})")
                continue
            if unreadable:
                os.replace(self._path(CURRENT), self._path(DAMAGED))
                print(
                    f"Warning: cannot read {unreadable[0]}; it is kept as "
                    f"{DAMAGED}. Going on from {name}, which is older."
                )
            return name, arrays
        if unreadable:
            raise ValueError(
                f"No checkpoint can be read: {', '.join(unreadable)}. "
                "Nothing was changed. To train anew, name another --workdir; "
                "model.keras may still be whole, and --weights starts from it"
            )
        return None

    def _assign(self, name, arrays):
        progress = json.loads(str(arrays.pop(_PROGRESS)))
        expected = _needed(
            {key: tuple(v.shape) for key, v in self._variables.items()}
        )
        found = _needed({key: array.shape for key, array in arrays.items()})
        if expected != found:
            differing = sorted(
                key
                for key in expected.keys() | found.keys()
                if expected.get(key) != found.get(key)
            )
            raise ValueError(
                f"{self._path(name)} is of another model or optimizer; "
                f"{len(differing)} variables differ, the first is "
                f"{differing[0]}: {expected.get(differing[0], 'unknown')} "
                f"needed, {found.get(differing[0], 'none')} found"
            )
        for key, variable in self._variables.items():
            if key in arrays:
                variable.assign(arrays[key])
        return progress

    def _path(self, name):
        return os.path.join(self._workdir, name)


def has_checkpoint(workdir):
    """Whether a run has left one in a folder, readable or not."""
    paths = (os.path.join(workdir, name) for name in (CURRENT, PREVIOUS))
    return any(map(os.path.exists, paths))


def read_arrays(workdir, group):
    """Some of the newest readable checkpoint's arrays, in order.

    Args:
        workdir: str.
        group: str. What their names begin with: `"model"` for the raw weights,
            in the order of the model's `variables`.

    Returns:
        list of array.

    Raises:
        ValueError: no checkpoint can be read.
    """
    for name in (CURRENT, PREVIOUS):
        with contextlib.suppress(*_UNREADABLE):
            arrays = _read(os.path.join(workdir, name))
            return [
                arrays[key]
                for key in sorted(arrays)
                if key.startswith(f"{group}/")
            ]
    raise ValueError(f"No checkpoint can be read in {workdir}")


def _needed(shapes):
    return {
        key: shape
        for key, shape in shapes.items()
        if not key.startswith(f"{GRADIENTS}/")
    }


_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zlib.error)
_UNREADABLE += (zipfile.BadZipFile,)


def _read(path):
    with open(path, "rb") as file, np.load(file) as content:
        arrays = dict(content)  # reads all and checks each CRC
    if _PROGRESS not in arrays:
        raise ValueError(f"it holds no {_PROGRESS}")
    return arrays

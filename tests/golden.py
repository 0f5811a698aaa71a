"""The recorded answers of the reference implementations.

`tests/data/golden/SOURCE.MODEL.HxW.npz` holds `input_shape` and `logits`;
weights and image are `tests.seeded`'s. More such files in the folder
`golden` of $KERAS_MVIT_SHARED (default ../shared) are compared too.
"""

import functools
import gzip
import json
import os
import pathlib

import numpy as np

from tests import seeded

FOLDER = pathlib.Path(__file__).parent / "data" / "golden"
SHARED = pathlib.Path(os.environ.get("KERAS_MVIT_SHARED", "../shared"))


@functools.cache
def _names_and_shapes():
    with gzip.open(FOLDER / "state_dicts.json.gz") as file:
        return json.load(file)


def paths(pattern):
    """Return golden files by name, the shared ones beside our own."""
    found = {}
    for folder in (SHARED / "golden", FOLDER):
        found |= {path.name: path for path in folder.glob(pattern)}
    return [found[name] for name in sorted(found)]


def state_dict(key):
    """Return the seeded state dict of "SOURCE.MODEL"."""
    return {
        name: seeded.weight(name, tuple(shape))
        for name, shape in _names_and_shapes()[key].items()
    }


def relative_difference(ours, golden):
    """max |ours - golden| / std(golden)."""
    return float(np.abs(np.asarray(ours) - golden).max() / golden.std())

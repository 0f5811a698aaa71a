"""How files are timed, what they are compared with, what must come out."""

import dataclasses
import math

import numpy as np

from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.latency.host import take_turns

MAX_RATIO_TO_PEER = 0.95
MAX_MEAN_RATIO_TO_PEER = 0.90
MAX_INT8_RATIO = {
    "mobilevit_xxs": 0.50,
    "mobilevit_s": 0.38,
    "mobilevitv2_050": 0.50,
    "mobilevitv2_100": 0.38,
    "cmt_ti": 0.55,
}
MAX_INT8_SIZE = 0.30
_LOADS = 10
_WARMUP_RUNS = 5


@dataclasses.dataclass(frozen=True)
class FileFigures:
    """One LiteRT file.

    Args:
        name: str. `float32` and `int8` are ours, all others peers.
        median_ms: float. Of a run.
        num_partitions: int. Pieces that XNNPACK took over.
        size_bytes: int.
    """

    name: str
    median_ms: float
    num_partitions: int
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class Figures:
    """The files of one model, measured against each other.

    Args:
        model: str.
        files: list of FileFigures.
    """

    model: str
    files: list

    @property
    def float32(self):
        """FileFigures of our float32 file."""
        return self._named("float32")

    @property
    def int8(self):
        """FileFigures of our int8 file."""
        return self._named("int8")

    @property
    def peer(self):
        """FileFigures of the fastest peer; None if none was measured."""
        peers = [f for f in self.files if f not in (self.float32, self.int8)]
        return min(peers, key=lambda file: file.median_ms, default=None)

    @property
    def ratio_to_peer(self):
        """Float or None. Our float32 time over that of the fastest peer."""
        return self.peer and self.float32.median_ms / self.peer.median_ms

    @property
    def int8_ratio(self):
        """Float. Our int8 time over our float32 time."""
        return self.int8.median_ms / self.float32.median_ms

    @property
    def int8_size(self):
        """Float. Bytes of our int8 file over those of our float32 file."""
        return self.int8.size_bytes / self.float32.size_bytes

    def _named(self, name):
        return next(file for file in self.files if file.name == name)


def measure(contents, runs):
    """Time files against each other.

    They are loaded again some times, in changing order: where a file lies in
    memory is worth 3 % of its time.

    Args:
        contents: dict of str to bytes. LiteRT files by name.
        runs: int. Timed runs of each.

    Returns:
        list of FileFigures, in their order.
    """
    order = np.random.default_rng(0)
    names = list(contents)
    times_ms = {name: [] for name in names}
    partitions = {}
    loads = min(runs, _LOADS)
    for load in range(loads):
        order.shuffle(names)
        models = [_warm(contents[name]) for name in names]
        share = runs // loads + (load < runs % loads)
        for name, model, times in zip(
            names, models, take_turns(models, share), strict=True
        ):
            times_ms[name] += times
            partitions[name] = model.num_partitions
    return [
        FileFigures(
            name,
            float(np.median(times_ms[name])),
            partitions[name],
            len(content),
        )
        for name, content in contents.items()
    ]


def _warm(content):
    model = LiteRTModel(content, 1)
    model.set_random_inputs(np.random.default_rng(0))
    for _ in range(_WARMUP_RUNS):
        model.invoke()
    return model


def mean_ratio_to_peer(figures):
    """Return the geometric mean over models; None if one has no peer."""
    ratios = [one.ratio_to_peer for one in figures]
    if None in ratios:
        return None
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def misses(figures):
    """Return a line for each bound that is missed.

    Args:
        figures: list of `Figures`.

    Returns:
        list of str. A ratio that was not measured is missed too.
    """
    lines = []
    for one in figures:
        lines += _above(
            f"{one.model}: float32 over the fastest peer",
            one.ratio_to_peer,
            MAX_RATIO_TO_PEER,
        )
        lines += _above(
            f"{one.model}: int8 over float32",
            one.int8_ratio,
            MAX_INT8_RATIO[one.model],
        )
        lines += _above(
            f"{one.model}: size of int8 over float32",
            one.int8_size,
            MAX_INT8_SIZE,
        )
        lines += [
            f"{one.model}: {file.name} has {file.num_partitions} partitions,"
            " must have 1"
            for file in (one.float32, one.int8)
            if file.num_partitions != 1
        ]
    return lines + _above(
        "geometric mean of float32 over the fastest peer",
        mean_ratio_to_peer(figures),
        MAX_MEAN_RATIO_TO_PEER,
    )


def _above(name, value, bound):
    if value is None:
        return [f"{name}: not measured, must be at most {bound:.2f}"]
    if value > bound:
        return [f"{name}: {value:.3f}, above {bound:.2f}"]
    return []

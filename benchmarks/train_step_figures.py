"""What the training step is measured on, and what must come out."""

import dataclasses
from statistics import median

import numpy as np

MIN_RATIO_TO_PEER = 1.3
MIN_RATIO_TO_FIXED = 1.35
WITH_PEER = ("mobilevit_xxs", "mobilevitv2_050")


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured of one model, turn by turn.

    At other sizes, or beside a peer.

    Args:
        variant: str. Name of the model.
        base: `Bucket`. The fixed size.
        base_seconds: list of float. Our step at the fixed size.
        sizes: dict of `Bucket` to list of float. Our step at the other sizes,
            in steps of the base; empty beside a peer.
        peers: dict of str to list of float. The peer's step in its forms, at
            the fixed size, in the same; empty without a peer.
        traces: int. Of our step, over all sizes.
    """

    variant: str
    base: object
    base_seconds: list
    sizes: dict
    peers: dict
    traces: int

    @property
    def seconds(self):
        """Dict of `Bucket` to float. Our step, of each size."""
        return {self.base: median(self.base_seconds)} | self._seconds(
            self.sizes
        )

    @property
    def peer_seconds(self):
        """Dict of str to float. The peer's step in its forms."""
        return self._seconds(self.peers)

    def _seconds(self, relative):
        base = median(self.base_seconds)
        return {key: base * median(values) for key, values in relative.items()}

    @property
    def images_per_second(self):
        """Float. Ours at the fixed size."""
        return self.base.batch_size / self.seconds[self.base]

    @property
    def peer_images_per_second(self):
        """Float or None. The peer's, in its fastest form."""
        if not self.peer_seconds:
            return None
        return self.base.batch_size / min(self.peer_seconds.values())

    @property
    def multi_scale_images_per_second(self):
        """Float or None. Where every size is as likely, as in the sampler."""
        if len(self.seconds) == 1:
            return None
        images = sum(bucket.batch_size for bucket in self.seconds)
        return images / sum(self.seconds.values())

    @property
    def ratio_to_peer(self):
        """Float or None."""
        peer = self.peer_images_per_second
        return peer and self.images_per_second / peer

    @property
    def ratio_to_fixed(self):
        """Float or None. Of multi-scale images/s to those at fixed size."""
        multi_scale = self.multi_scale_images_per_second
        return multi_scale and multi_scale / self.images_per_second

    @property
    def ratio_to_fixed_quartiles(self):
        """Pair of float. Of the turns, each by itself."""
        times = 1 + np.sum(list(self.sizes.values()), axis=0)
        images = sum(bucket.batch_size for bucket in self.seconds)
        ratios = images / self.base.batch_size / times
        return tuple(np.quantile(ratios, [0.25, 0.75]).tolist())


def misses(figures, device="cpu"):
    """Return a line for each bound that is missed.

    Args:
        figures: list of `Figures`.
        device: str. What they are of; the peer's bound is for `"cpu"`.

    Returns:
        list of str. A ratio that was not measured is missed too.
    """
    lines = []
    for one in figures:
        if one.sizes:
            lines += _below(
                f"{one.variant}: images/s of multi-scale over fixed size",
                one.ratio_to_fixed,
                MIN_RATIO_TO_FIXED,
            )
        elif one.variant in WITH_PEER and device == "cpu":
            lines += _below(
                f"{one.variant}: images/s over timm's",
                one.ratio_to_peer,
                MIN_RATIO_TO_PEER,
            )
        if one.traces > len(one.seconds):
            lines.append(
                f"{one.variant}: {one.traces} traces, more than one for each "
                f"of {len(one.seconds)} sizes"
            )
    return lines


def _below(name, value, bound):
    if value is None:
        return [f"{name}: not measured, must be at least {bound}"]
    if value < bound:
        return [f"{name}: {value:.3f}, below {bound}"]
    return []


def sets_of_buckets(variant, size_px, batch_size, multi_scale_batch_size):
    """What one model is measured on.

    Args:
        variant: str. Name of the model.
        size_px: int. The fixed size.
        batch_size: int. At the fixed size, by itself.
        multi_scale_batch_size: int. At the fixed size, beside other sizes.

    Returns:
        list of tuples of `Bucket`, each for a model of its own, the fixed size
        first in it.
    """
    from keras_mvit.training.data.multiscale import Bucket, make_buckets

    if variant.startswith("cmt"):
        return [(Bucket(size, batch_size),) for size in (160, size_px)]
    buckets = make_buckets(
        size_px,
        multi_scale_batch_size,
        min_size_px=max(32, size_px * 5 // 8),
        max_size_px=size_px * 5 // 4,
        divisor=32 if size_px >= 128 else 16,
    )
    multi_scale = sorted(buckets, key=lambda b: b.size_px != size_px)
    return [(Bucket(size_px, batch_size),), tuple(multi_scale)]

"""Which size each training batch has: the multi-scale sampler.

Small images come in large batches and large images in small ones, so that
every step costs about the same. A plan is drawn with NumPy before its epoch
starts, is a pure function of (seed, epoch), and therefore agrees between
machines and between a run and its resumption.
"""

import dataclasses

import numpy as np

from keras_mvit.layers.rounding import make_divisible


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The batches of one size.

    Args:
        size_px: int. Height and width of the images.
        batch_size: int. Images in a full batch.
    """

    size_px: int
    batch_size: int


@dataclasses.dataclass(frozen=True)
class EpochPlan:
    """The steps of one epoch.

    Args:
        sizes_px: int64 array (steps,). Height and width of each batch.
        batch_sizes: int64 array (steps,). Images of each batch.
        first_image: int. How many images of the epoch come before. Defaults
            to `0`.
    """

    sizes_px: np.ndarray
    batch_sizes: np.ndarray
    first_image: int = 0

    @property
    def steps(self):
        """Int. Steps of the epoch."""
        return len(self.sizes_px)

    @property
    def num_images(self):
        """Int. Images of all steps."""
        return int(self.batch_sizes.sum())

    @property
    def image_sizes_px(self):
        """int64 array (images,): the size of each image, in epoch order."""
        return np.repeat(self.sizes_px, self.batch_sizes)

    def parts(self, at_most):
        """The batches, divided into parts.

        Args:
            at_most: int. Images of a part.

        Returns:
            list of int: the images of each part. No part is of two batches.
        """
        return [
            min(at_most, batch - start)
            for batch in self.batch_sizes.tolist()
            for start in range(0, batch, at_most)
        ]

    def after(self, step):
        """What remains of the epoch after some steps.

        Args:
            step: int. Steps already done.

        Returns:
            An `EpochPlan`.

        Raises:
            ValueError: nothing remains.
        """
        if not 0 <= step < self.steps:
            raise ValueError(
                f"step must be at least 0 and below {self.steps}, got {step}"
            )
        return EpochPlan(
            self.sizes_px[step:],
            self.batch_sizes[step:],
            self.first_image + int(self.batch_sizes[:step].sum()),
        )

    def share(self, count):
        """The part of one process among many: the same steps, less images.

        Args:
            count: int. Processes; divides every batch.

        Returns:
            An `EpochPlan`.
        """
        return EpochPlan(
            self.sizes_px,
            self.batch_sizes // count,
            self.first_image // count,
        )


def make_buckets(
    base_size_px=256,
    base_batch_size=128,
    min_size_px=160,
    max_size_px=320,
    num_scales=5,
    divisor=32,
    batch_size_divisor=1,
):
    """The sizes of a run and the batch size of each.

    The variable batch sampler of MobileViT (Mehta and Rastegari, 2021, section
    3.3, https://arxiv.org/abs/2110.02178) by the rule of ml-cvnets' main
    branch: `num_scales` sizes evenly from min to max, and the base size, each
    made divisible; `batch_size = base_size^2 base_batch_size / size^2`,
    rounded down.

    Differs from the paper: there `base_batch_size` belongs to the largest
    size; here, as in every released version of the code, to the base size.

    Args:
        base_size_px: int. The size that `base_batch_size` belongs to.
        base_batch_size: int. Images of a batch at the base size.
        min_size_px: int. Smallest size.
        max_size_px: int. Largest size. Equal to `min_size_px` and
            `base_size_px` for training at a fixed size.
        num_scales: int. Sizes drawn from min to max, ends included. With one
            scale there is only the base size.
        divisor: int. Every size is a multiple of it.
        batch_size_divisor: int. Batch sizes are rounded down to a multiple of
            it, for example the number of devices; never below it.

    Returns:
        A tuple of `Bucket`, sizes ascending and distinct.

    Raises:
        ValueError: an argument is below 1 or the range is reversed.

    Example:
    >>> [(b.size_px, b.batch_size) for b in make_buckets()]
    [(160, 327), (192, 227), (256, 128), (288, 101), (320, 81)]
    """
    for name, value in locals().copy().items():
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {value}")
    if min_size_px > max_size_px:
        raise ValueError(
            "min_size_px must not exceed max_size_px, "
            f"got {min_size_px} > {max_size_px}"
        )
    scales = [base_size_px]
    if num_scales > 1:
        scales += list(np.linspace(min_size_px, max_size_px, num_scales))
    sizes_px = sorted({make_divisible(scale, divisor) for scale in scales})
    pixels = base_size_px**2 * base_batch_size
    return tuple(
        Bucket(size, _round_down(pixels // size**2, batch_size_divisor))
        for size in sizes_px
    )


def plan_epoch(num_images, buckets, seed, epoch, whole_batches=False):
    """Draws one epoch: a bucket for each batch, until the images are used up.

    Each batch's bucket is drawn uniformly, so small sizes see more images than
    large ones. The last batch is what remains: every image comes exactly once,
    or, with `whole_batches`, at most once.

    Args:
        num_images: int. Images of the training set.
        buckets: sequence of `Bucket`.
        seed: int. The run's seed, at least 0.
        epoch: int. The epoch, from 0.
        whole_batches: bool. Leave out a last batch that is not full, unless
            there is no other: the buckets' are then all shapes of an epoch.
            Defaults to `False`.

    Returns:
        An `EpochPlan`, the same for the same arguments.

    Raises:
        ValueError: no images, no buckets, or a negative seed or epoch.
    """
    if num_images < 1:
        raise ValueError(f"num_images must be at least 1, got {num_images}")
    if not buckets:
        raise ValueError("buckets must hold at least one Bucket, got none")
    if seed < 0 or epoch < 0:
        raise ValueError(
            f"seed and epoch must be at least 0, got {seed} and {epoch}"
        )
    sizes_px = np.array([b.size_px for b in buckets], np.int64)
    batch_sizes = np.array([b.batch_size for b in buckets], np.int64)
    # As many draws as there would be steps if all batches were the smallest.
    draws = -(-num_images // batch_sizes.min())
    drawn = _generator(seed, epoch).integers(len(buckets), size=draws)
    ends = np.cumsum(batch_sizes[drawn])
    steps = int(np.searchsorted(ends, num_images)) + 1
    batch_sizes = batch_sizes[drawn[:steps]]
    missing = ends[steps - 1] - num_images
    batch_sizes[-1] -= missing
    if whole_batches and missing and steps > 1:
        steps -= 1
    return EpochPlan(sizes_px[drawn[:steps]], batch_sizes[:steps])


def _generator(seed, epoch):
    # A stream of its own: the same pair also seeds the order of the images.
    return np.random.default_rng([seed, epoch, 0x512E])


def _round_down(value, divisor):
    return max(divisor, value // divisor * divisor)

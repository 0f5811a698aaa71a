"""What is done to training images, as data."""

import dataclasses
import functools

from keras_mvit.training.data.policies import POLICIES, POLICY_NAMES
from keras_mvit.training.ranges import NOT_NEGATIVE, check_ranges, one_of

ERASING_VALUES = ("zero", "pixel")
INTERPOLATIONS = (None, "bilinear", "bicubic")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is done to training images; by default a crop and a flip alone.

    Everything else is off until its number is above 0.

    Args:
        crop_scale: (float, float). Smallest and largest area of the crop, as
            fractions of the image's. Defaults to `(0.08, 1.0)`.
        crop_ratio: (float, float). Smallest and largest width / height of the
            crop. Defaults to `(3 / 4, 4 / 3)`.
        horizontal_flip: bool. Mirror every other image. Defaults to `True`;
            wrong for text and digits.
        interpolation: str. Of the crop's resize: `"bilinear"` or `"bicubic"`.
            Defaults to that of the model's preprocessing.
        color_jitter: float, from 0 to 1. Brightness, contrast and saturation
            are multiplied by factors from 1 less this to 1 plus this.
        rand_augment_ops: int. RandAugment's operations on each image.
        rand_augment_policy: str. `"torchvision"` or `"timm"`: which operations
            there are, how strong, and how often each is applied.
        rand_augment_magnitude: float. Up to 30 for `"torchvision"`, up to 10
            for `"timm"`.
        rand_augment_std: float. Standard deviation of the magnitude.
        rand_augment_increasing: bool. Whether all operations grow stronger
            with the magnitude, for `"timm"`; those of `"torchvision"` do.
        random_erasing: float. Probability that an image loses a rectangle.
        erasing_value: str. What the rectangle gets: `"zero"` or, for noise of
            its own in each pixel, `"pixel"`; both in the model's input, but
            zeros to the nearest grey level.
        mixup_alpha: float. Of the Beta distribution of MixUp's weights.
        cutmix_alpha: float. Of the Beta distribution of CutMix's areas.
        cutmix_probability: float. Part of the mixed batches that get CutMix,
            if both are on.
        mix_probability: float. Part of the batches that are mixed.
        repeats: int. Times an image comes in an epoch, each time augmented
            anew; an epoch has so many times fewer images.

    Raises:
        ValueError: a value out of its range.
    """

    crop_scale: tuple[float, float] = (0.08, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    horizontal_flip: bool = True
    interpolation: str | None = None
    color_jitter: float = 0.0
    rand_augment_ops: int = 0
    rand_augment_policy: str = "torchvision"
    rand_augment_magnitude: float = 9.0
    rand_augment_std: float = 0.0
    rand_augment_increasing: bool = False
    random_erasing: float = 0.0
    erasing_value: str = "zero"
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    cutmix_probability: float = 0.5
    mix_probability: float = 1.0
    repeats: int = 1

    def __post_init__(self):
        check_ranges(self, _RANGES)
        largest = self.policy.max_magnitude
        if not 0 <= self.rand_augment_magnitude <= largest:
            raise ValueError(
                f"rand_augment_magnitude must be from 0 to {largest} for "
                f"{self.rand_augment_policy!r}, "
                f"got {self.rand_augment_magnitude!r}"
            )

    @functools.cached_property  # looked at for every image
    def policy(self):
        """The `Policy` of RandAugment."""
        return POLICIES[self.rand_augment_policy, self.rand_augment_increasing]

    def erasing_probability(self, value):
        """Float. That an image loses a rectangle to such values."""
        return self.random_erasing if value == self.erasing_value else 0.0

    @property
    def mixes(self):
        """Bool. Whether any batch is mixed."""
        return self.mix_probability > 0 and (
            self.mixup_alpha > 0 or self.cutmix_alpha > 0
        )


def _crop_scale(value):
    return len(value) == 2 and 0 < value[0] <= value[1] <= 1


def _crop_ratio(value):
    return len(value) == 2 and 0 < value[0] <= value[1]


def _probability(value):
    return 0 <= value <= 1


def _whole(low):
    return lambda value: int(value) == value and value >= low


_RANGES = (
    ("crop_scale", _crop_scale, "two numbers with 0 < low <= high <= 1"),
    ("crop_ratio", _crop_ratio, "two numbers with 0 < low <= high"),
    ("interpolation", *one_of(INTERPOLATIONS)),
    ("color_jitter", _probability, "from 0 to 1"),
    ("rand_augment_ops", _whole(0), "a whole number >= 0"),
    ("rand_augment_policy", *one_of(POLICY_NAMES)),
    ("rand_augment_std", *NOT_NEGATIVE),
    ("random_erasing", _probability, "from 0 to 1"),
    ("erasing_value", *one_of(ERASING_VALUES)),
    ("mixup_alpha", *NOT_NEGATIVE),
    ("cutmix_alpha", *NOT_NEGATIVE),
    ("cutmix_probability", _probability, "from 0 to 1"),
    ("mix_probability", _probability, "from 0 to 1"),
    ("repeats", _whole(1), "a whole number >= 1"),
)

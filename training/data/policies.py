"""RandAugment's policies as data: which operations there are, how strong.

RandAugment: Cubuk et al., 2020 (https://arxiv.org/abs/1909.13719).
"""

import dataclasses
import math

_ROUNDINGS = {
    "none": float,
    "nearest": round,
    # 0.7 of 110 is 77, whatever the last bits of a float32.
    "zero": lambda number: math.trunc(round(number, 4)),
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """One row. Its number is `start + sign * rounding(reach * level)`.

    Attributes:
        name: str. A function of `color` or `geometry`.
        reach: float. How far the number goes at the largest magnitude, where
            the level is 1.
        start: float. The number at magnitude 0.
        signed: bool. Whether the sign is drawn, or always plus.
        moves: bool. Whether it is of `geometry`.
        rounding: str. `"none"`, `"nearest"` (half to even) or `"zero"`.
    """

    name: str
    reach: float = 0.0
    start: float = 0.0
    signed: bool = False
    moves: bool = False
    rounding: str = "none"

    def number(self, level, sign):
        """The operation's number.

        Args:
            level: float, from 0 to 1.
            sign: float, -1 or 1.

        Returns:
            float.
        """
        number = _ROUNDINGS[self.rounding](self.reach * level)
        return self.start + (sign * number if self.signed else number)


@dataclasses.dataclass(frozen=True)
class Policy:
    """Operations to draw from, each as likely as any other.

    Attributes:
        operations: tuple of `Operation`. Others leave an image as it is.
        max_magnitude: int.
        probability: float. That an operation, once drawn, is applied.
        fill: str. Colour of what comes from outside the image: `"black"` or
            the model's `"mean"`.
        identity: bool. Whether one more operation does nothing.
    """

    operations: tuple[Operation, ...]
    max_magnitude: int
    probability: float
    fill: str
    identity: bool


def _moves(translation):
    return tuple(
        Operation(name, reach, signed=True, moves=True)
        for name, reach in (
            ("shear_x", 0.3),
            ("shear_y", 0.3),
            ("translate_x", translation),
            ("translate_y", translation),
            ("rotate", 30.0),
        )
    )


_ENHANCEMENTS = ("brightness", "saturation", "contrast", "sharpness")
_AROUND_ONE = tuple(Operation(x, 0.9, 1.0, signed=True) for x in _ENHANCEMENTS)
_WITHOUT_NUMBER = (Operation("autocontrast"), Operation("equalize"))

# torchvision.transforms.RandAugment with 31 bins.
_TORCHVISION = Policy(
    (
        *_moves(150 / 331),
        *_AROUND_ONE,
        Operation("posterize", -4.0, 8.0, rounding="nearest"),
        Operation("solarize", -255.0, 255.0),
        *_WITHOUT_NUMBER,
    ),
    max_magnitude=30,
    probability=1.0,
    fill="black",
    identity=True,
)

_TIMM = Policy(
    (
        *_moves(0.45),
        *(Operation(name, 1.8, 0.1) for name in _ENHANCEMENTS),
        Operation("posterize", 4.0, rounding="zero"),
        Operation("solarize", 256.0, rounding="zero"),
        Operation("solarize_add", 110.0, rounding="zero"),
        Operation("invert"),
        *_WITHOUT_NUMBER,
    ),
    max_magnitude=10,
    probability=0.5,
    fill="mean",
    identity=False,
)

# "inc1": posterize and solarize grow stronger with the magnitude too, and the
# enhancements go either way.
_TIMM_INCREASING = dataclasses.replace(
    _TIMM,
    operations=(
        *_moves(0.45),
        *_AROUND_ONE,
        Operation("posterize", -4.0, 4.0, rounding="zero"),
        Operation("solarize", -256.0, 256.0, rounding="zero"),
        Operation("solarize_add", 110.0, rounding="zero"),
        Operation("invert"),
        *_WITHOUT_NUMBER,
    ),
)

# Name, and whether increasing, which torchvision's always is.
POLICIES = {
    ("torchvision", False): _TORCHVISION,
    ("torchvision", True): _TORCHVISION,
    ("timm", False): _TIMM,
    ("timm", True): _TIMM_INCREASING,
}
POLICY_NAMES = tuple(dict.fromkeys(name for name, _ in POLICIES))

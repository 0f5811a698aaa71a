"""Channel counts that hardware likes."""


def make_divisible(value, divisor):
    """Round to the nearest multiple of `divisor`, losing at most a tenth.

    Args:
        value: float. Wished number of channels.
        divisor: int. The result is a multiple of it, and at least as large.

    Returns:
        int. Half-way values round up; where rounding loses more than 10 % of
        `value`, the next multiple is taken (MobileNetV2's rule).

    Example:
        >>> make_divisible(200, 32), make_divisible(33, 8)
        (192, 32)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * value:
        rounded += divisor
    return rounded

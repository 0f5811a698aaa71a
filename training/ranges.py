"""What values may be, and one message for those that may not."""

import math

AT_LEAST_1 = (lambda value: value >= 1, "at least 1")
POSITIVE = (lambda value: value > 0, "above 0")
NOT_NEGATIVE = (lambda value: value >= 0, "at least 0")


def one_of(choices):
    """The range of a few values.

    Args:
        choices: iterable.

    Returns:
        (callable, str): whether a value is right, and what is accepted.
    """
    return tuple(choices).__contains__, f"one of {', '.join(map(str, choices))}"


def check_ranges(owner, ranges, optional=False):
    """Checks the attributes of an object.

    Args:
        owner: object.
        ranges: iterable of (str, callable, str): an attribute's name, whether
            its value is right, and what is accepted.
        optional: bool. Whether `None` is always right.

    Raises:
        ValueError: a value is not right; names it.
    """
    for name, is_right, accepted in ranges:
        value = getattr(owner, name)
        if value is None and optional:
            continue
        is_finite = not isinstance(value, float) or math.isfinite(value)
        if not (is_finite and is_right(value)):
            raise ValueError(f"{name} must be {accepted}, got {value!r}")

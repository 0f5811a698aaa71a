"""Flags that name the Python of a peer's environment."""

import shutil
import sys

from absl import flags


def define_python(name, help, flag_values=flags.FLAGS):
    """Define a flag that names a Python, this one by default.

    Args:
        name: str. Of the flag.
        help: str. What the Python must have installed.
        flag_values: absl's `FlagValues`.

    Returns:
        absl's holder of the flag's value.
    """
    flag = flags.DEFINE_string(name, sys.executable, help, flag_values)
    flags.register_validator(
        name, shutil.which, "there is no such program", flag_values
    )
    return flag

import sys

import pytest
from absl import flags

from benchmarks.peer_python import define_python


def _parsed(*arguments):
    values = flags.FlagValues()
    define_python("peer_python", "A Python.", values)
    values(["program", *arguments])
    return values.peer_python


def test_this_python_unless_told_otherwise():
    assert _parsed() == sys.executable
    assert _parsed("--peer_python=/bin/false") == "/bin/false"


def test_a_python_that_is_not_there():
    with pytest.raises(
        flags.IllegalFlagValueError,
        match="--peer_python=/no/python: there is no such program",
    ):
        _parsed("--peer_python=/no/python")

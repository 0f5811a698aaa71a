import logging
import os
import sys
import warnings

import pytest

from keras_mvit.quiet import quiet


def _chatter():
    print("out")
    print("err", file=sys.stderr)
    os.write(2, b"native\n")
    warnings.warn("warning", stacklevel=1)


def test_holds_back(capfd):
    with quiet():
        _chatter()
    print("after")
    assert capfd.readouterr() == ("after\n", "")


def test_a_logger_made_inside_is_heard_afterwards(capfd):
    logger = logging.Logger("made inside")
    with quiet():
        logger.addHandler(logging.StreamHandler())
        logger.warning("inside")
    logger.warning("after")
    assert capfd.readouterr() == ("", "after\n")


def test_an_error_shows_what_was_held_back(capfd):
    with pytest.raises(RuntimeError):
        with quiet():
            _chatter()
            raise RuntimeError
    error = capfd.readouterr().err
    assert "native" in error
    assert "out" in error


def test_a_value_error_speaks_for_itself(capfd):
    with pytest.raises(ValueError, match="bad"):
        with quiet():
            _chatter()
            raise ValueError("bad")
    assert capfd.readouterr() == ("", "")

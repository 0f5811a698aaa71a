"""Keeps the start-up and conversion chatter of libraries off the screen."""

import contextlib
import os
import sys
import tempfile
import warnings


@contextlib.contextmanager
def quiet():
    """Discards what is written to stdout and stderr inside the block.

    TensorFlow, its converter and LiteRT log from C++ straight to the file
    descriptors, out of reach of `sys.stderr` and of logging levels; other
    libraries print and warn. Should the block raise, all that was held back
    is written to stderr after all, unless it raised a `ValueError`: that one
    says itself what is wrong.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as held:
        try:
            with _redirected(held), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ValueError:
            raise
        except BaseException:
            held.seek(0)
            sys.stderr.write(held.read())
            raise


@contextlib.contextmanager
def _redirected(file):
    with contextlib.ExitStack() as stack:
        for descriptor in (1, 2):
            saved = os.dup(descriptor)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, descriptor)
            os.dup2(file.fileno(), descriptor)
        # Under a notebook or a test runner these are not the descriptors.
        for redirect, saved in (
            (contextlib.redirect_stdout, sys.stdout),
            (contextlib.redirect_stderr, sys.stderr),
        ):
            stream = _Switch(file)
            stack.callback(setattr, stream, "target", saved)
            stack.enter_context(redirect(stream))
        yield
        file.flush()


class _Switch:
    """A stream that passes all on to another one, its `target`.

    A logger that is made inside of the block keeps what it finds for
    `sys.stderr`, and shall write there after the block too.
    """

    def __init__(self, target):
        self.target = target

    def __getattr__(self, name):
        return getattr(self.target, name)

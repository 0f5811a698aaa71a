"""Keeps the start-up and conversion chatter of native libraries off screen."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet():
    """Discards what is written to stdout and stderr inside the block.

    TensorFlow, its converter and LiteRT log from C++ straight to the file
    descriptors, out of reach of `sys.stderr` and of logging levels. Should
    the block raise, all that was held back is written to stderr after all,
    unless it raised a `ValueError`: that one says itself what is wrong.
    """
    with tempfile.TemporaryFile() as held:
        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(1), os.dup(2)]
        os.dup2(held.fileno(), 1)
        os.dup2(held.fileno(), 2)
        failed = False
        try:
            yield
        except ValueError:
            raise
        except BaseException:
            failed = True
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            if failed:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))

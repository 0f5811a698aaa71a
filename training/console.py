"""How the commands behave on a terminal."""

import contextlib
import os
import sys
import tempfile

from absl import logging


def import_tensorflow_quietly():
    """Imports TensorFlow without the lines it writes at its start.

    They are written before any log level is read, so the level alone does not
    help: standard error is set aside for the duration of the import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        aside = stack.enter_context(tempfile.TemporaryFile())
        stderr = os.dup(2)
        stack.callback(os.close, stderr)
        os.dup2(aside.fileno(), 2)
        stack.callback(os.dup2, stderr, 2)
        import tensorflow  # noqa: F401


def friendly(main):
    """Ends a command with one line instead of a traceback.

    Bad input and files that cannot be read or written end with exit status 1,
    Ctrl-C with 130. `--verbosity=1` shows the traceback as well.

    Args:
        main: callable of `argv`.

    Returns:
        callable of `argv`.
    """

    def guarded(argv):
        try:
            import_tensorflow_quietly()
            main(argv)
        except KeyboardInterrupt:
            print("\nInterrupted. The same command resumes.", file=sys.stderr)
            sys.exit(130)
        except (ValueError, OSError, FloatingPointError) as error:
            logging.debug("", exc_info=True)
            print(f"Error: {error}", file=sys.stderr)
            sys.exit(1)

    return guarded

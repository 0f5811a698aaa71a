"""How the commands of this package behave on a terminal."""

import contextlib
import functools
import importlib
import logging
import os
import signal
import sys
import threading

from keras_mvit.quiet import quiet


def import_keras_quietly(*others):
    """Import Keras and our layers without the lines a backend starts with.

    Args:
        *others: str. Names of modules to import too, such as `"tensorflow"`
            where another backend computes and TensorFlow reads the data.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # It says of each kind of device that there is none.
    logging.getLogger("jax").setLevel(logging.WARNING)
    with quiet():
        import keras_mvit.layers  # noqa: F401

        for name in others:
            importlib.import_module(name)


def friendly(main, interrupted="Nothing was written."):
    """Make bad input end as one line and exit status 1.

    Ctrl-C ends with status 130, and SIGTERM likewise with 143: what is to be
    cleaned up is. Other errors are ours and keep their traceback.

    Args:
        main: callable of `argv`.
        interrupted: str. What to say after a Ctrl-C.

    Returns:
        callable of `argv`.
    """

    @functools.wraps(main)
    def guarded(argv):
        try:
            if argv[1:]:
                raise ValueError(f"Unexpected arguments: {' '.join(argv[1:])}")
            with _sigterm_like_control_c():
                main(argv)
        except KeyboardInterrupt as stop:
            print(f"\nInterrupted. {interrupted}", file=sys.stderr)
            number = stop.args[0] if stop.args else signal.SIGINT
            sys.exit(128 + number)
        except (ValueError, OSError, FloatingPointError) as error:
            print(f"Error: {error}", file=sys.stderr)
            sys.exit(1)

    return guarded


@contextlib.contextmanager
def _sigterm_like_control_c():
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield  # somebody else takes care of it
        return

    def stop(number, frame):
        raise KeyboardInterrupt(number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def table(header, rows):
    """Lay out a table; the first column is aligned to the left.

    Args:
        header: list of str.
        rows: list of lists of str.

    Returns:
        str.
    """
    columns = zip(header, *rows, strict=True)
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [header, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def percent(share):
    """Format a share from 0 to 1, or None, in percent."""
    return "n/a" if share is None else f"{100 * share:.2f}"

"""How the commands behave on a terminal: tables, and errors as one line."""

import functools
import os
import sys

from keras_mvit.export.quiet import quiet


def import_tensorflow_quietly():
    """Imports TensorFlow without the lines that no log level prevents."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import tensorflow  # noqa: F401


def friendly(main):
    """Wraps `main(argv)`: bad input ends as one line and exit status 1.

    Ctrl-C ends with status 130. Other errors are ours and keep their
    traceback.
    """

    @functools.wraps(main)
    def guarded(argv):
        try:
            main(argv)
        except KeyboardInterrupt:
            print("\nInterrupted; nothing was written", file=sys.stderr)
            sys.exit(130)
        except (ValueError, OSError) as error:
            print(f"Error: {error}", file=sys.stderr)
            sys.exit(1)

    return guarded


def table(header, rows):
    """Lays out a table for a terminal; the first column is left-aligned.

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
    """Formats a share from 0 to 1, or None, in percent."""
    return "n/a" if share is None else f"{100 * share:.2f}"

"""The threads of data sets, when what reads them is interrupted."""

import contextlib
import gc
import traceback


@contextlib.contextmanager
def ending_threads():
    """Ends them with the exception that passes, also as a decorator.

    They call Python to augment images, and one that does so when the
    interpreter is at its end aborts the process. An iterator lives, and its
    threads with it, as long as the exception's frames refer to it.
    """
    try:
        yield
    except BaseException as error:
        _forget_locals(error)
        gc.collect()
        raise


def _forget_locals(error):
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

"""SIGTERM and Ctrl-C, obeyed at a moment when nothing is lost."""

import contextlib
import signal
import sys
import threading

EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Termination:
    """Inside its `with` block, a signal may be postponed until work is saved.

    A second signal is obeyed at once. In threads other than the main one,
    where Python allows no handlers, signals do what they did before.

    Attributes:
        requested: int or `None`. The signal that waits to be obeyed.
    """

    def __init__(self):
        self.requested = None
        self._postponing = False
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in EXIT_STATUS:
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def postponed(self):
        """Signals that come inside wait for `obey`, or the end of the block."""
        self._postponing = True
        try:
            yield
        finally:
            self._postponing = False
        self.obey()

    def obey(self):
        """Ends the process if a signal is waiting.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM; with status 143.
        """
        if self.requested == signal.SIGINT:
            raise KeyboardInterrupt
        if self.requested is not None:
            raise SystemExit(EXIT_STATUS[self.requested])

    def _receive(self, number, frame):
        again = self.requested is not None
        self.requested = number
        if again or not self._postponing:
            self.obey()
        name = signal.Signals(number).name
        print(f"\n{name}: saving after this step.", file=sys.stderr, flush=True)

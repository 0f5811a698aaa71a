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

    _signals = tuple(EXIT_STATUS)

    def __init__(self):
        self.requested = None
        self._postponing = False
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
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

    def poll(self):
        """Whether a signal waits; to be asked once after every step."""
        return self.requested is not None

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
        waits = self._postponing and self.requested is None
        self.requested = number
        name = signal.Signals(number).name
        then = "saving after this step" if waits else "ending"
        print(f"\n{name}: {then}.", file=sys.stderr, flush=True)
        if not waits:
            self.obey()


def make_termination(distribution):
    """The `Termination` of one process, or of several together.

    Args:
        distribution: `Distribution`.
    """
    if distribution.num_processes == 1:
        return Termination()
    return AgreedTermination()


class AgreedTermination(Termination):
    """Among several processes: SIGTERM to one stops all, after the same step.

    JAX itself listens for the signal and lets the processes agree on a step.
    """

    _signals = (signal.SIGINT,)

    def __init__(self):
        super().__init__()
        self._steps = 0

    def poll(self):
        """See `Termination.poll`."""
        from jax.experimental.multihost_utils import (
            reached_preemption_sync_point,
        )

        self._steps += 1  # of this process: they have all begun together
        if reached_preemption_sync_point(self._steps):
            self.requested = signal.SIGTERM
        return super().poll()

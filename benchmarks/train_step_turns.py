"""Steps of several workers, timed against one of them."""

import random
import statistics


def time_against(base, others, rounds, warm_up=0, steps=1):
    """Time steps, each of the others between two of the base.

    Args:
        base: pair of `Worker` and `Bucket`.
        others: dict of any to such pairs.
        rounds: int. Turns of all.
        warm_up: int. Turns before that, not counted.
        steps: int. Timed together.

    Returns:
        List of the base's seconds; dict of the keys to lists of float, the
        others' times in those of the base; number of traces so far.
    """
    stopwatch = _Stopwatch(steps)
    seconds, relative = [], {key: [] for key in others}
    for turn in range(warm_up + rounds):
        bases = [stopwatch.seconds(*base)]
        for key in random.Random(turn).sample(list(others), len(others)):
            other = stopwatch.seconds(*others[key])
            bases.append(stopwatch.seconds(*base))
            relative[key].append(other / statistics.mean(bases[-2:]))
        seconds.append(statistics.mean(bases))
    return (
        seconds[warm_up:],
        {key: values[warm_up:] for key, values in relative.items()},
        stopwatch.traces,
    )


class _Stopwatch:
    """Times steps of workers that use the same processors."""

    def __init__(self, steps):
        self.traces = 0
        self._steps = steps
        self._last = None

    def seconds(self, worker, bucket):
        """Return the seconds of a step.

        Args:
            worker: `Worker`.
            bucket: `Bucket`.
        """
        if worker is not self._last:
            self._ask(worker, bucket)  # pays for the other's caches
            self._last = worker
        return self._ask(worker, bucket)

    def _ask(self, worker, bucket):
        answer = worker.ask(
            size_px=bucket.size_px,
            batch_size=bucket.batch_size,
            steps=self._steps,
        )
        self.traces = max(self.traces, answer.get("traces", 0))
        return answer["seconds"]

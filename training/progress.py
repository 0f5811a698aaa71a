"""The progress bar of an epoch."""

import sys
import time

import keras
import tqdm

_SECONDS = 0.1  # between two looks at the figures, which wait for the device


class ProgressBar(keras.callbacks.Callback):
    """Time left, images/s, loss, top-1, learning rate and size of the batches.

    In a log, where a bar cannot be redrawn, nothing is printed: there the line
    after each epoch has to do. To be used in a `with` statement.

    Args:
        plan: `EpochPlan` of the epoch.
        title: str.
        schedule: learning rate schedule.
        first_step: int. Steps of the run that were done before.
        hidden: bool. Whether to print nothing on a terminal either.

    Attributes:
        images_done: int. Images of all finished steps.
    """

    def __init__(self, plan, title, schedule, first_step=0, hidden=False):
        super().__init__()
        self._schedule = schedule
        self._first_step = first_step
        self.images_done = 0
        self._next_look = 0.0
        self._plan = plan
        self._bar = tqdm.tqdm(
            total=int(plan.batch_sizes.sum()),
            desc=title,
            unit=" images",
            bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining}, "
            "{rate_fmt}{postfix}",
            leave=False,
            dynamic_ncols=True,
            disable=hidden or not sys.stderr.isatty(),
        )

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this after every step."""
        self.images_done += int(self._plan.batch_sizes[batch])
        now = time.monotonic()
        if self._bar.disable or now < self._next_look:
            return
        self._next_look = now + _SECONDS
        rate = float(self._schedule(self._first_step + batch))
        self._bar.set_postfix_str(
            f"loss {float(logs['loss']):.3f}, "
            f"top-1 {float(logs['top1']):.0%}, "
            f"lr {rate:.0e}, {self._plan.sizes_px[batch]} px",
            refresh=False,
        )
        self._bar.update(self.images_done - self._bar.n)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._bar.close()

"""The learning rate of each step."""

import math

import keras


@keras.saving.register_keras_serializable(package="keras_mvit")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then half a cosine down.

    Differs from the MobileViT paper's code: the rate changes with every step,
    not with every epoch, and the cosine begins where the warm-up ends.

    Args:
        peak: float. Learning rate after the warm-up.
        total_steps: int. Steps of the whole run.
        warmup_steps: int. Steps of the warm-up, the first at
            `peak / warmup_steps`. Defaults to `0`.
        final: float. Learning rate of the last step and after.
            Defaults to `0.0`.

    Raises:
        ValueError: a rate is negative or the warm-up longer than the run.
    """

    def __init__(self, peak, total_steps, warmup_steps=0, final=0.0):
        if peak <= 0 or final < 0:
            raise ValueError(
                f"peak must be > 0 and final >= 0, got {peak} and {final}"
            )
        if not 0 <= warmup_steps <= total_steps:
            raise ValueError(
                "warmup_steps must be from 0 to total_steps "
                f"({total_steps}), got {warmup_steps}"
            )
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.final = final

    def __call__(self, step):
        """The learning rate of a step, counted from 0."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        rising = self.peak * (step + 1) / max(self.warmup_steps, 1)
        falling_steps = max(self.total_steps - 1 - self.warmup_steps, 1)
        done = ops.clip((step - self.warmup_steps) / falling_steps, 0.0, 1.0)
        cosine = 0.5 * (1.0 + ops.cos(math.pi * done))
        falling = self.final + (self.peak - self.final) * cosine
        return ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self):
        """The arguments."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "final": self.final,
        }

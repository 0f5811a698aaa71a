"""The learning rate of each step."""

import math

import keras


@keras.saving.register_keras_serializable(package="keras_mvit")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the peak, half a cosine down, and a cool-down.

    As in the codes of all three papers the cosine begins with the first step,
    not with the end of the warm-up, so the peak is not quite reached; unlike
    there the rate changes with every step, not with every epoch.

    Args:
        peak: float. Learning rate that the cosine starts from.
        total_steps: int. Steps of the whole run.
        warmup_steps: int. Steps of the warm-up. Defaults to `0`.
        final: float. Learning rate at the end of the cosine and after.
            Defaults to `0.0`.
        initial: float. Learning rate that the warm-up rises from.
            Defaults to `0.0`.
        cooldown_steps: int. The last steps, at `final`. Defaults to `0`.

    Raises:
        ValueError: a rate is negative, or the warm-up and cool-down together
            are longer than the run.
    """

    def __init__(
        self,
        peak,
        total_steps,
        warmup_steps=0,
        final=0.0,
        initial=0.0,
        cooldown_steps=0,
    ):
        if peak <= 0 or final < 0 or initial < 0:
            raise ValueError(
                "peak must be > 0, final and initial >= 0, "
                f"got {peak}, {final} and {initial}"
            )
        if (
            min(warmup_steps, cooldown_steps) < 0
            or warmup_steps + cooldown_steps > total_steps
        ):
            raise ValueError(
                "warmup_steps and cooldown_steps must be at least 0 and "
                f"together at most total_steps ({total_steps}), got "
                f"{warmup_steps} and {cooldown_steps}"
            )
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.final = final
        self.initial = initial
        self.cooldown_steps = cooldown_steps

    def __call__(self, step):
        """The learning rate of a step, counted from 0."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        warmup = (step + 1) / max(self.warmup_steps, 1)
        rising = self.initial + (self.peak - self.initial) * warmup
        falling_steps = max(self.total_steps - self.cooldown_steps - 1, 1)
        done = ops.clip(step / falling_steps, 0.0, 1.0)
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
            "initial": self.initial,
            "cooldown_steps": self.cooldown_steps,
        }


def make_schedule(settings, pipeline):
    """The learning rate over all epochs, whose steps are known beforehand.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.

    Returns:
        `WarmupCosine`.

    Raises:
        ValueError: warm-up and cool-down are longer than the run.
    """
    epochs = settings.epochs
    if settings.warmup_epochs + settings.cooldown_epochs > epochs:
        raise ValueError(
            "warmup_epochs and cooldown_epochs must together be at most epochs "
            f"({epochs}), got {settings.warmup_epochs:.4g} and "
            f"{settings.cooldown_epochs}"
        )
    steps = [pipeline.plan(epoch).steps for epoch in range(epochs)]
    whole = int(settings.warmup_epochs)
    warmup = sum(steps[:whole])
    if whole < epochs:
        warmup += round((settings.warmup_epochs - whole) * steps[whole])
    return WarmupCosine(
        settings.learning_rate,
        sum(steps),
        warmup,
        settings.final_learning_rate,
        settings.warmup_learning_rate,
        sum(steps[epochs - settings.cooldown_epochs :]),
    )


def accumulation_steps(settings, schedule, distribution):
    """Steps whose gradients make one update of the weights.

    Args:
        settings: `Settings`, resolved.
        schedule: `WarmupCosine`, of the whole run.
        distribution: `Distribution`.

    Raises:
        ValueError: the run is too short for a single one.
    """
    accumulated = settings.accumulation_steps(distribution.num_devices)
    steps = schedule.total_steps
    if steps < accumulated:
        raise ValueError(
            f"An update of batch_size {settings.batch_size} takes {accumulated}"
            f" steps of at most {settings.device_batch_size} images for each"
            f" device, and the run has {steps}: nothing would be trained."
            " Expected a smaller --batch_size or more --epochs"
        )
    return accumulated

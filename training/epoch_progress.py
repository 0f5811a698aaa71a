"""How far an epoch is."""

import dataclasses
import hashlib


@dataclasses.dataclass(frozen=True)
class EpochProgress:
    """What is done of an epoch, and how it went so far.

    Args:
        steps: int. Steps done.
        images: int. Images of these steps.
        loss: float. Mean over these images.
        top1: float. Mean over these images.
        seconds: float. They took.
        plan: str. Fingerprint of the epoch's plan.
        training_images: int or None. Of the data set; checkpoints of an
            earlier version do not tell.
    """

    plan: str
    training_images: int | None = None
    steps: int = 0
    images: int = 0
    loss: float = 0.0
    top1: float = 0.0
    seconds: float = 0.0

    def plus(self, steps, images, logs, seconds):
        """After further steps.

        Args:
            steps: int.
            images: int. Of these steps.
            logs: dict. Means of `loss` and `top1` over these steps' images.
            seconds: float. They took.
        """
        total = self.images + images
        means = {
            key: (getattr(self, key) * self.images + float(logs[key]) * images)
            / total
            for key in ("loss", "top1")
        }
        return dataclasses.replace(
            self,
            steps=self.steps + steps,
            images=total,
            seconds=self.seconds + seconds,
            **means,
        )


def fingerprint(plan, seed, accumulation_steps=1):
    """What two plans have in common if and only if they are equal.

    Args:
        plan: `EpochPlan`.
        seed: int. Of the run; it also orders and augments the images.
        accumulation_steps: int. Steps whose gradients make one update.

    Returns:
        str.
    """
    digest = hashlib.sha256(f"{seed}".encode())
    digest.update(plan.sizes_px.tobytes())
    digest.update(plan.batch_sizes.tobytes())
    if accumulation_steps > 1:
        digest.update(f"{accumulation_steps}".encode())
    return digest.hexdigest()[:16]

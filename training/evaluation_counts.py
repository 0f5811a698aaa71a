"""What an evaluation counts, as sums that add up over batches and processes."""

import dataclasses
import math

import numpy as np

# A larger confusion matrix would be a picture nobody can read, and 32 MB.
MAX_CONFUSION_CLASSES = 2000
_TOP = 5
_Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationCounts:
    """Sums over images; `a + b` are those of both sets together.

    Args:
        loss_sum: float. Cross-entropy, without label smoothing.
        top5: int. Images whose class is among the five highest logits.
        class_images: int64 array (classes,). Images of each class.
        class_correct: int64 array (classes,). Those classified right.
        confusion: int64 array (classes, classes) or `None`. Images by class
            (rows) and prediction (columns); `None` above
            `MAX_CONFUSION_CLASSES`.
    """

    loss_sum: float
    top5: int
    class_images: np.ndarray
    class_correct: np.ndarray
    confusion: np.ndarray | None

    @classmethod
    def zeros(cls, num_classes):
        """The counts of no images."""
        return cls(
            0.0,
            0,
            np.zeros(num_classes, np.int64),
            np.zeros(num_classes, np.int64),
            np.zeros((num_classes, num_classes), np.int64)
            if num_classes <= MAX_CONFUSION_CLASSES
            else None,
        )

    @classmethod
    def of(cls, logits, labels):
        """Counts a batch.

        The prediction is the first of the highest logits, and equal logits
        rank in the order of their classes: a model that gives all classes the
        same is right as often as one that always names the first. A logit that
        is not a number ranks last, and makes the loss not a number.

        Args:
            logits: float array (B, classes).
            labels: int array (B,), from 0 to below classes.

        Returns:
            `EvaluationCounts`.

        Raises:
            ValueError: shapes or labels that do not fit.
        """
        logits = np.asarray(logits, np.float64)
        labels = np.asarray(labels)
        _check(logits, labels)
        num_classes = logits.shape[1]
        ranked = np.where(np.isnan(logits), -np.inf, logits)
        own = np.take_along_axis(ranked, labels[:, np.newaxis], axis=1)
        earlier = np.arange(num_classes) < labels[:, np.newaxis]
        ahead = (ranked > own) | ((ranked == own) & earlier)
        rank = ahead.sum(axis=1)
        zero = cls.zeros(num_classes)
        if zero.confusion is not None:
            np.add.at(zero.confusion, (labels, ranked.argmax(axis=1)), 1)
        return dataclasses.replace(
            zero,
            loss_sum=_cross_entropy(logits, labels),
            top5=int((rank < _TOP).sum()),
            class_images=np.bincount(labels, minlength=num_classes),
            class_correct=np.bincount(labels[rank == 0], minlength=num_classes),
        )

    def __add__(self, other):
        if len(self.class_images) != len(other.class_images):
            raise ValueError(
                "Only counts of the same classes add up, got "
                f"{len(self.class_images)} and {len(other.class_images)} "
                "classes"
            )
        return EvaluationCounts(
            self.loss_sum + other.loss_sum,
            self.top5 + other.top5,
            self.class_images + other.class_images,
            self.class_correct + other.class_correct,
            None
            if self.confusion is None
            else self.confusion + other.confusion,
        )

    @property
    def images(self):
        """Int. Images counted."""
        return int(self.class_images.sum())

    @property
    def correct(self):
        """Int. Images classified right."""
        return int(self.class_correct.sum())

    def metrics(self):
        """What the sums mean.

        Returns:
            dict: `loss`, the mean; `top1` and `top5`, from 0 to 1 (`top5` is 1
            if there are no more than 5 classes); `images`; `top1_low` and
            `top1_high`, the 95 % confidence interval of `top1`.

        Raises:
            ValueError: nothing was counted.
        """
        if not self.images:
            raise ValueError("There are no metrics of 0 images")
        low, high = wilson_interval(self.correct, self.images)
        return {
            "loss": float(self.loss_sum / self.images),
            "top1": self.correct / self.images,
            "top5": int(self.top5) / self.images,
            "images": self.images,
            "top1_low": low,
            "top1_high": high,
        }


def wilson_interval(correct, images):
    """The 95 % confidence interval of an accuracy.

    The score interval of Wilson (1927, https://doi.org/10.2307/2276774), which
    also holds near 0 and 1 and for few images.

    Args:
        correct: int, from 0 to `images`.
        images: int, at least 1.

    Returns:
        (float, float): lower and upper end.

    Raises:
        ValueError: a number out of its range.
    """
    if images < 1 or not 0 <= correct <= images:
        raise ValueError(
            "images must be at least 1 and correct from 0 to images, got "
            f"{correct} of {images}"
        )
    share, square = correct / images, _Z95**2 / images
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(share * (1 - share) * square + square**2 / 4)
    reach /= 1 + square
    # At 0 and 1 the share is the end, but for rounding.
    return (
        min(share, max(0.0, centre - reach)),
        max(share, min(1.0, centre + reach)),
    )


def _cross_entropy(logits, labels):
    with np.errstate(invalid="ignore"):  # infinite logits: not a number
        shifted = logits - logits.max(axis=1, keepdims=True)
    own = np.take_along_axis(shifted, labels[:, np.newaxis], axis=1)[:, 0]
    return float(np.sum(np.log(np.exp(shifted).sum(axis=1)) - own))


def _check(logits, labels):
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            "logits must be (B, classes) and labels (B,), got "
            f"{logits.shape} and {labels.shape}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise ValueError(
            f"labels must be from 0 to {logits.shape[1] - 1}, got "
            f"{labels.min()} to {labels.max()}"
        )

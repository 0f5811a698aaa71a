"""What a run is told: every flag of `train`, with its meaning and range."""

import dataclasses
import os
import typing

import numpy as np

from keras_mvit.training import ranges
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.recipes import NAMES

MIXED_PRECISION = {
    "none": "float32",
    "float16": "mixed_float16",
    "bfloat16": "mixed_bfloat16",
}
MIN_IMAGE_SIZE = 32  # the models' deepest stride

_FRACTION = (lambda value: 0 <= value < 1, "from 0 to below 1")
_SIZE = (lambda value: value >= MIN_IMAGE_SIZE, "at least 32 pixels")


def _setting(help_text, default=None, accepted=None):
    """A field with what `train --help` says of it and what it may be."""
    metadata = {"help": help_text, "accepted": accepted}
    return dataclasses.field(default=default, metadata=metadata)


def _plain(value):
    """A path as text, a number of NumPy's as Python's: what JSON can hold."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value


def _numbers(name, values):
    """A tuple of float; JSON has lists, the command line text."""
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, got {values!r}") from None


def kind(field):
    """The type of a field's values, but for `None`.

    Args:
        field: `dataclasses.Field` of `Settings`.
    """
    return (typing.get_args(field.type) or (field.type,))[0]


_KINDS = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}


def _check_kind(field, value):
    accepted = _KINDS.get(kind(field), (type(value),))
    if value is not None and type(value) not in accepted:
        raise ValueError(
            f"{field.name} must be of type {kind(field).__name__}, got "
            f"{value!r}"
        )


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that determines a run, one field a flag of `train`.

    `None` leaves a field to the recipe, and what the recipe leaves open to the
    data set or the model (`resolve.resolve`). What the fields mean is in their
    metadata: `python -m keras_mvit.training.train --help` prints it.

    Raises:
        ValueError: a value out of its range.
    """

    workdir: str = dataclasses.field(
        metadata={"help": "Folder of the run; with a run in it, goes on."}
    )
    model: str = _setting("Name of the variant.", "mobilevit_xxs")
    dataset: str = _setting(
        "digits, folder:DIR (DIR/{train,test}/CLASS/*.jpg), or tfds:NAME or "
        "tfds:NAME:TRAIN,TEST (in the folder $TFDS_DATA_DIR).",
        "digits",
    )
    recipe: str = _setting(
        "The paper's own for the model (auto), one of its fine-tuning recipes, "
        "or ours for a few thousand images (finetune). Each further flag "
        "without a default is the recipe's.",
        "auto",
        ranges.one_of(NAMES),
    )
    weights: str | None = _setting(
        "File of weights to start from, as create_model takes it; a classifier "
        "of other classes is left out."
    )
    init_workdir: str | None = _setting(
        "Folder of a finished run to start from: its model.keras, and how it "
        "saw its images."
    )
    quantize_aware: bool = _setting(
        "Train the model of --init_workdir on with the roundings of int8; "
        "recipe auto is then quantize_aware.",
        False,
    )
    sparsity: float = _setting(
        "Share of the weights of convolutions and projections that become "
        "zero, the smallest first; not of depthwise, first and last layers.",
        0.0,
        _FRACTION,
    )
    epochs: int | None = _setting(
        "Passes over the training images, in all.", accepted=ranges.AT_LEAST_1
    )
    batch_size: int | None = _setting(
        "Images of an optimizer step at --image_size; other sizes have batches "
        "in proportion.",
        accepted=ranges.AT_LEAST_1,
    )
    device_batch_size: int = _setting(
        "Images that a device takes at once at --image_size; larger batches "
        "are reached by accumulating gradients.",
        128,
        ranges.AT_LEAST_1,
    )
    image_size: int | None = _setting(
        "Of evaluation and export, and the base of multi-scale training, "
        "pixels. Default: the recipe's, the data set's, or the model's.",
        accepted=_SIZE,
    )
    crop_fraction: float | None = _setting(
        "Of evaluation: the short side is resized to the size over this. "
        "Default: the model's.",
        accepted=(lambda value: 0 < value <= 1, "above 0 and at most 1"),
    )
    multi_scale: bool | None = _setting(
        "Whether training images come in several sizes."
    )
    min_image_size: int | None = _setting(
        "Smallest training size. Default: 5/8.", accepted=_SIZE
    )
    max_image_size: int | None = _setting(
        "Largest training size. Default: 5/4.", accepted=_SIZE
    )
    num_scales: int = _setting(
        "Training sizes, min to max.", 5, ranges.AT_LEAST_1
    )
    size_divisor: int | None = _setting(
        "Of training sizes. Default: 32, below 128 px 16.",
        None,
        ranges.AT_LEAST_1,
    )
    optimizer: str | None = _setting(
        "adamw or sgd (momentum 0.9).", accepted=ranges.one_of(("adamw", "sgd"))
    )
    learning_rate: float | None = _setting(
        "The peak. Default: the recipe's, in proportion to --batch_size.",
        accepted=ranges.POSITIVE,
    )
    final_learning_rate: float | None = _setting(
        "At the end. Default: as of --learning_rate.",
        accepted=ranges.NOT_NEGATIVE,
    )
    warmup_epochs: float | None = _setting(
        "Epochs until the peak.", accepted=ranges.NOT_NEGATIVE
    )
    warmup_learning_rate: float | None = _setting(
        "Where the warm-up begins.", accepted=ranges.NOT_NEGATIVE
    )
    cooldown_epochs: int | None = _setting(
        "Of --epochs, the last ones, at the final learning rate.",
        accepted=ranges.NOT_NEGATIVE,
    )
    weight_decay: float | None = _setting(
        "A step takes this times the learning rate off a weight; with sgd ten "
        "times that, as through the momentum of the papers' code.",
        accepted=ranges.NOT_NEGATIVE,
    )
    decay_norm_and_bias: bool | None = _setting(
        "Whether weights of one dimension decay too."
    )
    clip_norm: float | None = _setting(
        "Largest norm of all gradients together; 0: any.",
        accepted=ranges.NOT_NEGATIVE,
    )
    label_smoothing: float | None = _setting(
        "From 0 to below 1.", accepted=_FRACTION
    )
    ema_decay: float | None = _setting(
        "Of the averaged weights; 0: none.", accepted=_FRACTION
    )
    dropout_rate: float | None = _setting(
        "Default: the model's.", accepted=_FRACTION
    )
    drop_path_rate: float | None = _setting(
        "Default: the model's.", accepted=_FRACTION
    )
    interpolation: str | None = _setting(
        "Of resizing, bilinear or bicubic. Default: the model's."
    )
    crop_scale: tuple[float, float] | None = _setting(
        "Smallest and largest area of random crops, as LOW,HIGH. Default: the "
        "data set's; 0.08,1 for photographs."
    )
    horizontal_flip: bool | None = _setting(
        "Mirror every other image. Default: the data set's; not for digits."
    )
    rand_augment_ops: int | None = _setting(
        "RandAugment: operations an image; 0: none."
    )
    rand_augment_policy: str | None = _setting(
        "Whose operations and ranges: torchvision or timm."
    )
    rand_augment_magnitude: float | None = _setting(
        "RandAugment: strength of its operations, from 0 to 10 (timm) or 30."
    )
    rand_augment_std: float | None = _setting(
        "RandAugment: standard deviation of the magnitude."
    )
    rand_augment_increasing: bool | None = _setting(
        "RandAugment: whether a larger magnitude is always stronger."
    )
    color_jitter: float | None = _setting(
        "Largest change of brightness, contrast and saturation; 0: none."
    )
    random_erasing: float | None = _setting(
        "Share of images of which a rectangle is erased."
    )
    erasing_value: str | None = _setting(
        "What is put there: zero, or noise in each pixel."
    )
    mixup_alpha: float | None = _setting("MixUp's Beta(alpha, alpha); 0: none.")
    cutmix_alpha: float | None = _setting(
        "CutMix's Beta(alpha, alpha); 0: none. With both, a batch is given "
        "the one or the other."
    )
    repeats: int | None = _setting(
        "Repeated augmentation: copies of an image in an epoch, of a "
        "correspondingly smaller part of the images."
    )
    mixed_precision: str = _setting(
        "Type of the activations; weights stay float32.",
        "none",
        ranges.one_of(MIXED_PRECISION),
    )
    jit_compile: bool = _setting("Compile the step with XLA.", False)
    whole_batches: bool | None = _setting(
        "Whether an epoch leaves out the images that fill no batch. Default: "
        "where XLA compiles a step for each shape, on JAX or by --jit_compile."
    )
    deterministic: bool | None = _setting(
        "Whether equal runs give equal bits. Default: where there is no GPU, "
        "unless --jit_compile."
    )
    save_every: int = _setting(
        "Steps between checkpoints within an epoch; 0: none.",
        200,
        ranges.NOT_NEGATIVE,
    )
    skip_bad_images: bool = _setting(
        "Try all images first and leave out those that cannot be decoded.",
        False,
    )
    calibration_images: int = _setting(
        "Training images kept for the export's calibration, at most.",
        512,
        ranges.AT_LEAST_1,
    )
    test_images: int = _setting(
        "Test images kept for the export's comparison, at most.",
        2000,
        ranges.AT_LEAST_1,
    )
    seed: int = _setting(
        "Of everything random.",
        0,
        (lambda value: 0 <= value < 2**32, "from 0 to below 2**32"),
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = _plain(getattr(self, field.name))
            _check_kind(field, value)
            object.__setattr__(self, field.name, value)
        ranges.check_ranges(
            self,
            [
                (field.name, *field.metadata["accepted"])
                for field in dataclasses.fields(self)
                if field.metadata.get("accepted")
            ],
            optional=True,
        )
        if self.crop_scale is not None:
            numbers = _numbers("crop_scale", self.crop_scale)
            object.__setattr__(self, "crop_scale", numbers)

    def accumulation_steps(self, devices=1):
        """Steps whose gradients make one update of the weights.

        Args:
            devices: int. That share each step's batch.

        Returns:
            int: the fewest with which a device takes no more than
            `device_batch_size` images at once.
        """
        return -(-self.batch_size // (self.device_batch_size * devices))

    def step_batch_size(self, devices=1):
        """Images of one step at `image_size`, on all devices together."""
        images = self.batch_size / self.accumulation_steps(devices)
        return max(1, round(images / devices)) * devices

    def augmentation(self):
        """The `Augmentation` of resolved settings.

        Raises:
            ValueError: one of its values is out of range.
        """
        names = {field.name for field in dataclasses.fields(Augmentation)}
        values = dataclasses.asdict(self)
        return Augmentation(**{k: values[k] for k in values.keys() & names})

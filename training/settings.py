"""What a run is told, and what of it a resumed run may change."""

import dataclasses

MIXED_PRECISION = {
    "none": "float32",
    "float16": "mixed_float16",
    "bfloat16": "mixed_bfloat16",
}
MIN_IMAGE_SIZE = 32  # the models' deepest stride


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that determines a run. `None`: the data set's or model's own.

    Args:
        workdir: str. Folder for all that the run writes.
        model: str. One of `keras_mvit.list_models()`.
        dataset: str. As `make_source` takes it.
        epochs: int. Passes over the training images, earlier ones included.
        batch_size: int. At `image_size`; other sizes have batches in
            proportion.
        image_size: int. Of evaluation, and the base of multi-scale training,
            in pixels. Defaults to the data set's, else the model's.
        multi_scale: bool. Whether training images come in several sizes.
        min_image_size: int. Defaults to 5/8 of `image_size`, as in the paper.
        max_image_size: int. Defaults to 5/4 of `image_size`, as in the paper.
        num_scales: int. Sizes from smallest to largest.
        size_divisor: int. Of all sizes. Defaults to 32, below 128 px to 16.
        learning_rate: float. The peak.
        final_learning_rate: float. At the end.
        warmup_epochs: float. Epochs until the peak.
        weight_decay: float. Decoupled; a step takes this times the learning
            rate off every weight.
        label_smoothing: float, from 0 to below 1.
        ema_decay: float. Of the averaged weights; 0 for none.
        mixed_precision: str. `none`, `float16` or `bfloat16`.
        jit_compile: bool. Whether XLA compiles the training step.
        crop_scale: (float, float). Areas of random crops.
        horizontal_flip: bool. Whether to mirror every other image.
        weights: str. File of the first weights, as `create_model` takes it.
        skip_bad_images: bool. Leave out what cannot be decoded.
        calibration_images: int. At most so many go to `calibration.npz`.
        test_images: int. At most so many go to `test.npz`.
        seed: int, at least 0.

    Raises:
        ValueError: a value out of its range.
    """

    workdir: str
    model: str = "mobilevit_xxs"
    dataset: str = "digits"
    epochs: int = 30
    batch_size: int = 64
    image_size: int | None = None
    multi_scale: bool = True
    min_image_size: int | None = None
    max_image_size: int | None = None
    num_scales: int = 5
    size_divisor: int | None = None
    learning_rate: float = 2e-3
    final_learning_rate: float = 1e-5
    warmup_epochs: float = 2.0
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    ema_decay: float = 0.9995
    mixed_precision: str = "none"
    jit_compile: bool = False
    crop_scale: tuple[float, float] | None = None
    horizontal_flip: bool | None = None
    weights: str | None = None
    skip_bad_images: bool = False
    calibration_images: int = 512
    test_images: int = 2000
    seed: int = 0

    def __post_init__(self):
        for name, is_right, accepted in _RANGES:
            value = getattr(self, name)
            if value is not None and not is_right(value):
                raise ValueError(f"{name} must be {accepted}, got {value!r}")

    def resolve(self, source, preprocessing):
        """Settles what was left to the data set and the model.

        Args:
            source: `Source`.
            preprocessing: `keras_mvit.models.Preprocessing` of the model.

        Returns:
            `Settings` of which only `weights` may be `None`.
        """
        native = source.image_size or preprocessing.image_size[0]
        size = self.image_size or native
        own = source.augmentation
        defaults = {
            "image_size": size,
            "min_image_size": max(MIN_IMAGE_SIZE, size * 5 // 8),
            "max_image_size": size * 5 // 4,
            "size_divisor": 32 if size >= 128 else 16,
            "crop_scale": own.crop_scale,
            "horizontal_flip": own.horizontal_flip,
        }
        unset = {k: v for k, v in defaults.items() if getattr(self, k) is None}
        resolved = dataclasses.replace(self, dataset=source.name, **unset)
        if not self.multi_scale:
            resolved = dataclasses.replace(
                resolved,
                min_image_size=size,
                max_image_size=size,
                num_scales=1,
                size_divisor=1,
            )
        return resolved


def _positive(value):
    return value > 0


def _not_negative(value):
    return value >= 0


def _size(value):
    return value >= MIN_IMAGE_SIZE


def _fraction(value):
    return 0 <= value < 1


def _crop_scale(value):
    return len(value) == 2 and 0 < value[0] <= value[1] <= 1


_RANGES = (
    ("epochs", _positive, "at least 1"),
    ("batch_size", _positive, "at least 1"),
    ("image_size", _size, "at least 32 pixels"),
    ("min_image_size", _size, "at least 32 pixels"),
    ("max_image_size", _size, "at least 32 pixels"),
    ("num_scales", _positive, "at least 1"),
    ("size_divisor", _positive, "at least 1"),
    ("learning_rate", _positive, "above 0"),
    ("final_learning_rate", _not_negative, "at least 0"),
    ("warmup_epochs", _not_negative, "at least 0"),
    ("weight_decay", _not_negative, "at least 0"),
    ("label_smoothing", _fraction, "from 0 to below 1"),
    ("ema_decay", _fraction, "from 0 to below 1"),
    (
        "mixed_precision",
        MIXED_PRECISION.__contains__,
        f"one of {', '.join(MIXED_PRECISION)}",
    ),
    ("crop_scale", _crop_scale, "two numbers, 0 < low <= high <= 1"),
    ("calibration_images", _positive, "at least 1"),
    ("test_images", _positive, "at least 1"),
    ("seed", _not_negative, "at least 0"),
)

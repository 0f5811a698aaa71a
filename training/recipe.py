"""What a recipe is made of."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One row. Each field but the first five is a setting of the same name.

    Attributes:
        name: str. What `--recipe` takes.
        models: tuple of str. Whom it is for; empty: all.
        source: str. Where it is from.
        top1: float or None. Published ImageNet-1k top-1, percent.
        trained: bool or None. Whether it starts from trained weights, or from
            random ones; `None` is for either.
    """

    name: str
    models: tuple[str, ...]
    source: str
    top1: float | None
    trained: bool | None = dataclasses.field(default=None, kw_only=True)
    epochs: int
    batch_size: int
    learning_rate: float
    final_learning_rate: float
    weight_decay: float
    decay_norm_and_bias: bool = False
    warmup_epochs: float = 0.0
    warmup_learning_rate: float = 0.0
    cooldown_epochs: int = 0
    optimizer: str = "adamw"
    clip_norm: float = 0.0
    label_smoothing: float = 0.1
    ema_decay: float = 0.9995
    image_size: int | None = None
    crop_fraction: float | None = None
    multi_scale: bool = False
    interpolation: str | None = None
    crop_scale: tuple[float, float] | None = None
    horizontal_flip: bool | None = None
    rand_augment_ops: int = 0
    rand_augment_policy: str = "torchvision"
    rand_augment_magnitude: float = 9.0
    rand_augment_std: float = 0.0
    rand_augment_increasing: bool = False
    color_jitter: float = 0.0
    random_erasing: float = 0.0
    erasing_value: str = "zero"
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    repeats: int = 1

    def settings(self):
        """The settings it makes: dict of field to value."""
        return {name: getattr(self, name) for name in RECIPE_SETTINGS}


RECIPE_SETTINGS = tuple(
    field.name
    for field in dataclasses.fields(Recipe)
    if field.name not in ("name", "models", "source", "top1", "trained")
)

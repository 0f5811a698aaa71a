"""Which weights are evaluated, and on which images."""

import dataclasses
import os
import re

import keras

import keras_mvit
from keras_mvit.layers import RelativePositionBias
from keras_mvit.training.checkpoint import read_arrays
from keras_mvit.training.ranges import check_ranges, one_of
from keras_mvit.training.settings import MIN_IMAGE_SIZE

WEIGHTS = ("ema", "raw", "best")
INTERPOLATIONS = ("bilinear", "bicubic")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a trained model is evaluated. `None`: as in its run.

    Args:
        weights: str. `"ema"`, the averaged ones; `"raw"`, those that were
            trained; `"best"`, the average of the best epoch.
        dataset: str. Another data set with the same classes, as `make_source`
            takes it; its test split counts.
        image_size: int. Height and width, in pixels.
        crop_fraction: float, above 0 to 1. The short side is resized to
            `image_size / crop_fraction`, then the centre is cut out.
        interpolation: str. `"bilinear"` or `"bicubic"`.

    Raises:
        ValueError: a value out of its range.
    """

    weights: str = "ema"
    dataset: str | None = None
    image_size: int | None = None
    crop_fraction: float | None = None
    interpolation: str | None = None

    def __post_init__(self):
        check_ranges(self, _RANGES, optional=True)

    def preprocessing(self, base):
        """The run's preprocessing, as this protocol changes it.

        Args:
            base: `keras_mvit.models.Preprocessing` of the run.

        Returns:
            `Preprocessing`.
        """
        return dataclasses.replace(
            base,
            image_size=(self.image_size,) * 2
            if self.image_size
            else base.image_size,
            crop_fraction=self.crop_fraction or base.crop_fraction,
            interpolation=self.interpolation or base.interpolation,
        )

    def suffix(self, settings, base):
        """What tells this protocol's files from those of the run's own.

        Args:
            settings: `Settings` of the run.
            base: `keras_mvit.models.Preprocessing` of the run.

        Returns:
            str, such as `"_raw_96px"`; empty for the run's own protocol.
        """
        own = self.preprocessing(base)
        parts = []
        if self.weights != "ema":
            parts.append(self.weights)
        if own.image_size != base.image_size:
            parts.append(f"{own.image_size[0]}px")
        if own.crop_fraction != base.crop_fraction:
            parts.append(f"crop{own.crop_fraction:.4g}")
        if own.interpolation != base.interpolation:
            parts.append(own.interpolation)
        if self.dataset not in (None, settings.dataset):
            parts.append(re.sub(r"\W+", "-", self.dataset).strip("-")[-80:])
        return "".join(f"_{part}" for part in parts)


def load_model(workdir, protocol, name):
    """The model of a run, with the weights and for the size of a protocol.

    Args:
        workdir: `WorkDirectory`.
        protocol: `Protocol`.
        name: str. The run's model, one of `keras_mvit.list_models()`.

    Returns:
        `keras.Model`, float32, not compiled.

    Raises:
        ValueError: a file is missing or damaged.
    """
    file = "best.keras" if protocol.weights == "best" else "model.keras"
    model = _load(workdir.file(file))
    if protocol.weights == "raw":
        if workdir.settings().quantize_aware:
            raise ValueError(
                "Of quantization-aware training weights must be ema or best, "
                "got raw: they come with ranges of their own"
            )
        arrays = read_arrays(workdir.path, "model")
        for variable, array in zip(model.variables, arrays, strict=True):
            variable.assign(array)
    size = protocol.image_size
    if size and model.input_shape[1:3] not in ((None, None), (size, size)):
        model = _resize(model, name, size)
    return model


def _load(path):
    if not os.path.exists(path):
        raise ValueError(f"There is no {path}: no epoch has been finished")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever zip, JSON and HDF5 make of it
        raise ValueError(f"{path} cannot be loaded: {error}") from error


def _resize(model, name, size_px):
    """CMT's position biases are of one size; interpolates them for another."""
    resized = keras_mvit.create_model(
        name,
        num_classes=model.output_shape[-1],
        input_shape=(size_px, size_px, 3),
    )
    for old, new in zip(model.layers, resized.layers, strict=True):
        weights = old.get_weights()
        if isinstance(new, RelativePositionBias):
            weights = [new.resize(table, old.map_size) for table in weights]
        new.set_weights(weights)
    return resized


_RANGES = (
    ("weights", *one_of(WEIGHTS)),
    (
        "image_size",
        lambda value: value >= MIN_IMAGE_SIZE,
        f"at least {MIN_IMAGE_SIZE} pixels",
    ),
    ("crop_fraction", lambda value: 0 < value <= 1, "above 0 to 1"),
    ("interpolation", *one_of(INTERPOLATIONS)),
)

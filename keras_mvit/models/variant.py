"""What a row of a variant table has in common in all families."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input a variant was published with.

    Attributes:
        image_size: (int, int). Height and width of the input, pixels.
        crop_fraction: float. The short side is resized to `image_size /
            crop_fraction`, then the centre is cropped.
        interpolation: str. "bilinear" or "bicubic".
        mean: 3 floats. Subtracted after scaling to [0, 1].
        std: 3 floats. Divided by.
        channel_order: str. "rgb" or "bgr".
    """

    image_size: tuple = (256, 256)
    crop_fraction: float = 256 / 288
    interpolation: str = "bilinear"
    mean: tuple = (0.0, 0.0, 0.0)
    std: tuple = (1.0, 1.0, 1.0)
    channel_order: str = "rgb"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row: an architecture with its published figures.

    A family's row class adds its own numbers and two methods, `backbone` and
    `head`, so that whoever builds a model needs to know no family.

    Attributes:
        name: str. As in `keras_mvit.list_models()`.
        parameters: int. Trainable, with 1000 classes.
        gmacs: float. Multiply-adds at the native size, 1e9.
        top1: float. Published ImageNet-1k top-1, percent.
        preprocessing: Preprocessing. Of the published weights.
    """

    name: str
    parameters: int
    gmacs: float
    top1: float
    preprocessing: Preprocessing

    @property
    def fingerprint(self):
        """Layer path and (outputs, inputs) of a convolution none else has."""
        raise NotImplementedError

    def backbone(self, x, output_stride, dropout_rate, drop_path_rate):
        """Return the maps {"stride_2": ..., ..., "stride_32": ...} of `x`."""
        raise NotImplementedError

    def head(self, x):
        """Return the last map, ready for pooling."""
        raise NotImplementedError

"""What a row of a variant table has in common in all families."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input a variant was published with.

    Attributes:
        image_size: (int, int). Height and width of the input, pixels.
        crop_fraction: float. The short side is resized to `image_size /
            crop_fraction`, then the centre is cropped.
        interpolation: str. "bilinear" or "bicubic".
        mean: 3 floats. Subtracted after scaling to [0, 1]; in `channel_order`.
        std: 3 floats. Divided by; in `channel_order`.
        channel_order: str. "rgb" or "bgr".
    """

    image_size: tuple = (256, 256)
    crop_fraction: float = 256 / 288
    interpolation: str = "bilinear"
    mean: tuple = (0.0, 0.0, 0.0)
    std: tuple = (1.0, 1.0, 1.0)
    channel_order: str = "rgb"

    def normalize(self, images):
        """Return images as the model takes them.

        Args:
            images: float32 array or tensor (..., 3), RGB, in [0, 1].

        Returns:
            The same kind of array, in `channel_order`, less `mean`, by `std`.
        """
        if self.channel_order == "bgr":
            # PyTorch's tensors take no negative steps.
            flip = hasattr(images, "flip")
            images = images.flip(-1) if flip else images[..., ::-1]
        mean, std = np.float32(self.mean), np.float32(self.std)
        if mean.any() or (std != 1).any():
            images = (images - mean) / std
        return images


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
        any_size: bool. Whether one model serves images of all sizes. The same
            for all rows of a family.
    """

    any_size = True

    name: str
    parameters: int
    gmacs: float
    top1: float
    preprocessing: Preprocessing

    @property
    def fingerprint(self):
        """Layer path and (outputs, inputs) of a convolution none else has."""
        return "layer5_1/local_proj", (self.hidden_dims[2], self.filters[4])

    def backbone(self, x, output_stride, dropout_rate, drop_path_rate):
        """Return the maps {"stride_2": ..., ..., "stride_32": ...} of `x`."""
        raise NotImplementedError

    def head(self, x):
        """Return the last map, ready for pooling."""
        raise NotImplementedError

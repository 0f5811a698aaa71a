"""Between maps and sequences of patch pixels."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="keras_mvit")
class PatchUnfold(layers.Layer):
    """Group the pixels of a map by their position inside a patch.

    Mehta & Rastegari, "MobileViT", ICLR 2022, section 3.1,
    https://arxiv.org/abs/2110.02178: pixel p of every patch forms one
    sequence of N patches, so that a transformer over patches keeps both the
    order of patches and that of pixels. Both are row-major. No tensor on the
    way has more than four axes, which is all that mobile GPU delegates take.

    Args:
        patch_size: int. Side of the square patch. Defaults to 2.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C), H and W multiples of `patch_size`, or unknown.
    Output shape: (B, P, N, C), P = patch_size ** 2, N = H W / P.

    Raises:
        ValueError: a known H or W is not a multiple of `patch_size`.

    Example:
        >>> PatchUnfold(2)(keras.ops.ones((1, 16, 16, 64))).shape
        (1, 4, 64, 64)
    """

    def __init__(self, patch_size=2, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, x):
        """Return the sequences, one a pixel position."""
        self._check(x.shape)
        _, height, width, channels = ops.shape(x)
        patch = self.patch_size
        rows, columns = height // patch, width // patch
        # Rows first: bring the row inside the patch before the patch row ...
        x = ops.reshape(x, (-1, rows, patch, width * channels))
        x = ops.transpose(x, (0, 2, 1, 3))  # (B, p, rows, W C)
        # ... then the columns, with (patch row, patch column) as one axis.
        x = ops.reshape(x, (-1, rows * columns, patch, channels))
        x = ops.transpose(x, (0, 2, 1, 3))  # (B p, p, N, C)
        return ops.reshape(x, (-1, patch**2, rows * columns, channels))

    def compute_output_shape(self, input_shape):
        """Return (B, P, N, C)."""
        self._check(input_shape)
        batch, height, width, channels = input_shape
        pixels = self.patch_size**2
        known = height is not None and width is not None
        patches = height * width // pixels if known else None
        return (batch, pixels, patches, channels)

    def _check(self, shape):
        for side in shape[1:3]:
            if side is not None and side % self.patch_size:
                raise ValueError(
                    "Height and width must be multiples of patch_size="
                    f"{self.patch_size}. Received: {tuple(shape)}"
                )

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"patch_size": self.patch_size}


@keras.saving.register_keras_serializable(package="keras_mvit")
class PatchFold(layers.Layer):
    """Put the pixels that `PatchUnfold` grouped back in their places.

    Args:
        patch_size: int. Side of the square patch. Defaults to 2.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: patches (B, P, N, C) and a map (B, H, W, any) that gives H
        and W; only its shape is used.
    Output shape: (B, H, W, C).

    Example:
        >>> x = keras.ops.ones((1, 8, 12, 3))
        >>> PatchFold(2)(PatchUnfold(2)(x), x).shape
        (1, 8, 12, 3)
    """

    def __init__(self, patch_size=2, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, patches, like):
        """Return the map that unfolds into `patches`."""
        height, width = ops.shape(like)[1:3]
        channels = patches.shape[-1]
        patch = self.patch_size
        rows, columns = height // patch, width // patch
        x = ops.reshape(patches, (-1, patch, rows * columns, channels))
        x = ops.transpose(x, (0, 2, 1, 3))  # (B p, N, p, C)
        x = ops.reshape(x, (-1, patch, rows, width * channels))
        x = ops.transpose(x, (0, 2, 1, 3))  # (B, rows, p, W C)
        return ops.reshape(x, (-1, height, width, channels))

    def compute_output_shape(self, patches_shape, like_shape):
        """Return (B, H, W, C)."""
        return (patches_shape[0], *like_shape[1:3], patches_shape[-1])

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {"patch_size": self.patch_size}

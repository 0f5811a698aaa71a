"""The position biases that the attentions of a CMT stage share."""

import math

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="keras_mvit")
class RelativePositionBias(layers.Layer):
    """A learned number for every head, query and key of a map.

    Guo et al., "CMT", CVPR 2022, section 3.2, equation 3,
    https://arxiv.org/abs/2107.06263. As in the authors' code the table is
    dense, one a stage, for the one size of map that it was built for.
    `resize` makes it another size's.

    Args:
        num_heads: int.
        sr_ratio: int. By which keys are fewer than queries on each axis.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: a map (B, H, W, any), H and W known; only its shape is used.
    Output shape: (num_heads, H W, (H // sr_ratio) (W // sr_ratio)).

    Raises:
        ValueError: H or W is unknown, or below `sr_ratio`.

    Example:
        >>> RelativePositionBias(2, 4)(keras.ops.ones((1, 20, 20, 92))).shape
        (2, 400, 25)
    """

    def __init__(self, num_heads, sr_ratio, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio

    def build(self, input_shape):
        """Create the table for maps of `input_shape`."""
        self.map_size = tuple(input_shape[1:3])
        if None in self.map_size or min(self.map_size) < self.sr_ratio:
            raise ValueError(
                "A table of position biases needs a map of known size, at "
                f"least {self.sr_ratio}x{self.sr_ratio}. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.table = self.add_weight(
            name="table",
            shape=self.compute_output_shape(input_shape),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        self.built = True

    def call(self, x):
        """Return the table."""
        del x
        return ops.cast(self.table, self.compute_dtype)

    def resize(self, table, map_size=None):
        """Return another size's table as this size's.

        Bicubic interpolation over the rows and columns of the queries and of
        the keys, with PyTorch's kernel (a = -0.75, half-pixel centres, edges
        repeated), the authors' framework.

        Args:
            table: float array (num_heads, Nq, Nk).
            map_size: (int, int) or None. Rows and columns of the map that the
                table is of. Defaults to a square one.

        Returns:
            float32 array of this layer's shape; of a map of this size, the
            table itself.

        Raises:
            ValueError: `table` is of another map, or of other heads.
        """
        old = tuple(map_size or [math.isqrt(table.shape[1])] * 2)
        old_keys = self._key_size(old)
        expected = (self.num_heads, math.prod(old), math.prod(old_keys))
        if table.shape != expected:
            raise ValueError(
                f"Expected a table {expected} of a map {old}"
                f"{'' if map_size else ', a square one'}. Received: "
                f"{table.shape}"
            )
        if old == self.map_size:
            return np.asarray(table, "float32")
        new = (*self.map_size, *self._key_size(self.map_size))
        matrices = map(_cubic_weights, new, old + old_keys)
        table = np.einsum(
            "hqrkl,Qq,Rr,Kk,Ll->hQRKL",
            np.reshape(table, (self.num_heads, *old, *old_keys)),
            *matrices,
            optimize=True,
        )
        return table.reshape(self.table.shape).astype("float32")

    def compute_output_shape(self, input_shape):
        """Return (num_heads, Nq, Nk)."""
        size = input_shape[1:3]
        return (
            self.num_heads,
            math.prod(size),
            math.prod(self._key_size(size)),
        )

    def _key_size(self, map_size):
        return tuple(size // self.sr_ratio for size in map_size)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "num_heads": self.num_heads,
            "sr_ratio": self.sr_ratio,
        }


def _cubic_weights(size, old_size, a=-0.75):
    """Return the matrix (size, old_size) that interpolates one axis."""
    position = (np.arange(size) + 0.5) * old_size / size - 0.5
    first = np.floor(position).astype(int)
    weights = np.zeros((size, old_size))
    for offset in range(-1, 3):
        pixel = first + offset
        x = np.abs(position - pixel)
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        pixel = np.clip(pixel, 0, old_size - 1)  # edges are repeated
        np.add.at(
            weights, (np.arange(size), pixel), np.where(x <= 1, near, far)
        )
    return weights

"""What the deploy forms of the blocks are made of.

Weights enter as constants, folded with those of their neighbours. Each part
opens the name scope of the layer that it stands for: in the file, tensors keep
the paths that they had in Keras.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


def affine(norm):
    """Scale and offset of a normalization's learned part, float64 (C,)."""
    return array(norm.gamma), array(norm.beta)


def inference_affine(bn):
    """Scale and offset that a BatchNormalization is at inference."""
    scale = array(bn.gamma) / np.sqrt(array(bn.moving_variance) + bn.epsilon)
    return scale, array(bn.beta) - array(bn.moving_mean) * scale


def array(weight):
    """A Keras weight as float64, in which foldings lose nothing."""
    with tf.init_scope():  # also while a graph is being made
        return np.array(weight, "float64")


class Linear:
    """Weights of a projection, folded with what stands before and after it.

    Args:
        kernel: float array (C, units), or a kernel of a 1x1 convolution.
        bias: float array (units,), or None.
    """

    def __init__(self, kernel, bias=None):
        self.kernel = array(kernel)
        self.kernel = self.kernel.reshape(self.kernel.shape[-2:])
        units = self.kernel.shape[-1]
        self.bias = np.zeros(units) if bias is None else array(bias)

    @classmethod
    def of(cls, layer):
        """The weights of a Dense or of a 1x1 Conv2D."""
        return cls(layer.kernel, layer.bias if layer.use_bias else None)

    def after(self, scale, offset):
        """Takes over an affine map of the inputs."""
        return Linear(
            scale[:, None] * self.kernel, self.bias + offset @ self.kernel
        )

    def before(self, scale, offset=0.0):
        """Takes over an affine map of the outputs."""
        return Linear(self.kernel * scale, self.bias * scale + offset)

    def centred(self):
        """Leaves the mean over channels out of the outputs."""
        mean = self.kernel.mean(-1, keepdims=True)
        return Linear(self.kernel - mean, self.bias - self.bias.mean())

    def split(self, *sizes):
        """One projection for each group of outputs."""
        edges = np.cumsum((0, *sizes))
        return [
            Linear(self.kernel[:, start:end], self.bias[start:end])
            for start, end in zip(edges, edges[1:], strict=False)
        ]

    def __call__(self, x, name):
        """Projects (1, H, W, C) or (1, P, N, C), under the name of a layer."""
        with keras.name_scope(name):
            # LiteRT's fully connected operator is no faster.
            kernel = np.float32(self.kernel)[None, None]
            x = ops.conv(x, kernel, data_format="channels_last")
            return x + np.float32(self.bias) if self.bias.any() else x


def root_mean_square_norm(x, norm):
    """A LayerNorm without its affine, of pixels whose mean is 0."""
    with keras.name_scope(norm.name):
        power = ops.mean(x * x, axis=-1, keepdims=True)  # (1, P, N, 1)
        return x * ops.rsqrt(power + norm.epsilon)


def layer_norm(x, norm, axis=-1):
    """A LayerNorm without its affine."""
    with keras.name_scope(norm.name):
        x = x - ops.mean(x, axis=axis, keepdims=True)
        power = ops.mean(x * x, axis=axis, keepdims=True)
        return x * ops.rsqrt(power + norm.epsilon)


def attend(query, key, value, bias=None):
    """Attention of (1, h, N, d), (1, h, K, d) and (1, h, K, d')."""
    if key.shape[2] == 1:  # a lone key has all of the attention
        ones = np.ones((1, 1, query.shape[2], 1), "float32")
        return value * ones
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    return ops.matmul(softmax(scores, bias), value)


def softmax(scores, bias=None):
    """Softmax of scores plus a bias, over the last axis.

    Its name scope tells the quantizer what shall stay float32.
    """
    if scores.shape[-1] == 1:  # of one score, on which Keras warns
        return ops.ones_like(scores)
    with keras.name_scope("softmax"):
        return ops.softmax(scores if bias is None else scores + bias)


def split_heads(x, num_heads):
    """(1, P, N, h d) -> (1, h, P N, d)."""
    _, first, second, channels = x.shape
    tokens = first * second
    x = ops.reshape(x, (1, tokens, num_heads, channels // num_heads))
    return ops.transpose(x, (0, 2, 1, 3))


def join_heads(x, shape):
    """(1, h, P N, d) -> (1, P, N, h d), which is `shape`."""
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), shape)


def unfold(x, patch):
    """(1, H, W, C) -> (1, P, N, C), by two transpositions of batch 1."""
    _, height, width, channels = x.shape
    rows, columns = height // patch, width // patch
    x = ops.reshape(x, (1, height * columns, patch, channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # (1, p, H columns, C)
    x = ops.reshape(x, (1, patch * rows, patch, columns * channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # (1, p, p rows, columns C)
    return ops.reshape(x, (1, patch**2, rows * columns, channels))


def fold(x, patch, height, width):
    """The inverse of `unfold`."""
    rows, columns = height // patch, width // patch
    channels = x.shape[-1]
    x = ops.reshape(x, (1, patch, patch * rows, columns * channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # (1, p rows, p, columns C)
    x = ops.reshape(x, (1, patch, height * columns, channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # (1, H columns, p, C)
    return ops.reshape(x, (1, height, width, channels))

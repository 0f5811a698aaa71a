"""The deploy form of MobileViTv2's block."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_mvit.export.rewrite import parts
from keras_mvit.export.rewrite.parts import Linear
from keras_mvit.layers.resizing import next_multiple

_MAP = (1, 2, 3)  # the axes that the statistics run over


def mobilevitv2_block(block, x):
    """The answer of a `MobileViTV2Block`.

    Nothing is unfolded: pixels stay in the order of the map.
    """
    size = list(x.shape[1:3])
    padded = [next_multiple(side, block.patch_size) for side in size]
    if padded != size:  # in one operator, which Keras does not have
        x = tf.raw_ops.ResizeBilinear(images=x, size=padded, align_corners=True)
    x = block.local_proj(block.local_conv(x, training=False))  # (1, H, W, d)
    for encoder in block.transformer:
        with keras.name_scope(encoder.name):
            x = linear_transformer_encoder(encoder, x)
    x = parts.layer_norm(x, block.norm, _MAP)
    conv = Linear.of(block.conv_proj.conv).after(*parts.affine(block.norm))
    conv = conv.before(*parts.inference_affine(block.conv_proj.bn))
    with keras.name_scope("conv_proj"):
        return block.conv_proj.activation(conv(x, "conv"))


def linear_transformer_encoder(encoder, x):
    """The answer of a `LinearTransformerEncoder` over a map (1, H, W, C)."""
    y = parts.layer_norm(x, encoder.norm1, _MAP)
    with keras.name_scope("attention"):
        y = _attention(encoder.attention, y, encoder.norm1)
    x = x + y
    y = parts.layer_norm(x, encoder.norm2, _MAP)
    fc1 = Linear.of(encoder.mlp_fc1).after(*parts.affine(encoder.norm2))
    y = encoder.activation(fc1(y, "mlp_fc1"))
    return x + Linear.of(encoder.mlp_fc2)(y, "mlp_fc2")


def _attention(attention, x, norm):
    _, height, width, channels = x.shape
    patch, pixels = attention.patch_size, height * width
    qkv = Linear.of(attention.qkv).after(*parts.affine(norm))
    query, key, value = qkv.split(1, channels, channels)
    scores = parts.unfold(query(x, "query"), patch)  # (1, P, N, 1)
    scores = parts.softmax(ops.reshape(scores, (1, patch**2, -1)))
    scores = ops.reshape(scores, (1, patch**2, -1, 1))
    scores = parts.fold(scores, patch, height, width)  # (1, H, W, 1)
    # One row for each position in the patch, 0 at the pixels of others.
    scores = ops.reshape(scores, (1, 1, 1, pixels))
    scores = scores * _positions(height, width, patch)  # (1, 1, P, H W)
    context = context_vectors(scores, x, key)
    value = ops.relu(value(x, "value"))
    return Linear.of(attention.proj)(_scaled(value, context, patch), "proj")


def context_vectors(scores, x, key):
    """The sums of keys, weighted by the scores (1, 1, P, H W).

    A row of scores sums to 1, so that the projection can follow the sum: it
    has P vectors to project instead of H W. Where the map is one patch, each
    row has a single pixel, and nothing is to be summed.
    """
    _, height, width, channels = x.shape
    x = ops.reshape(x, (1, 1, height * width, channels))
    if scores.shape[2] < height * width:
        x = ops.matmul(scores, x)
    return key(x, "key")  # (1, 1, P, C)


def _positions(height, width, patch):
    """(1, 1, P, H W): 1 where a pixel is at that position, else 0."""
    rows, columns = np.arange(height) % patch, np.arange(width) % patch
    position = (rows[:, None] * patch + columns).reshape(-1)
    return np.float32(position == np.arange(patch**2)[:, None])[None, None]


def _scaled(value, context, patch):
    """Multiplies pixels by the context (1, 1, P, C) of their position."""
    _, height, width, channels = value.shape
    columns = width // patch
    # Repeated by a product, because delegates lack tiling.
    context = ops.reshape(context, (1, patch, 1, patch * channels))
    context = context * np.ones((1, 1, columns, 1), "float32")
    context = ops.reshape(context, (1, 1, patch, width * channels))
    x = ops.reshape(value, (1, height // patch, patch, width * channels))
    return ops.reshape(x * context, (1, height, width, channels))

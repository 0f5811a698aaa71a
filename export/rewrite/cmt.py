"""The deploy forms of CMT's stem and block."""

import keras
import numpy as np
from keras import ops

from keras_mvit.export.rewrite import parts
from keras_mvit.export.rewrite.parts import Linear


def cmt_stem(stem, x):
    """The answer of a `CMTStem`."""
    x = stem.pad(x)
    for conv, norm in zip(stem.convs, stem.norms, strict=True):
        x = keras.activations.gelu(conv(x), approximate=False)
        x = per_channel(x, norm)
    return x


def cmt_block(block, x, bias=None):
    """The answer of a `CMTBlock`."""
    with keras.name_scope("perception"):
        x = depthwise_with_shortcut(block.perception.conv, x)
    y = parts.layer_norm(x, block.norm1)
    with keras.name_scope("attention"):
        y = _attention(block.attention, y, block.norm1, bias)
    x = x + y
    y = parts.layer_norm(x, block.norm2)
    with keras.name_scope("ffn"):
        return x + _ffn(block.ffn, y, block.norm2)


def _attention(attention, x, norm, bias):
    scale, offset = parts.affine(norm)
    query = Linear.of(attention.query).after(scale, offset)
    query = query.before(attention.head_dim**-0.5)
    reduced = x
    if attention.sr_ratio > 1:
        reduced, scale, offset = _reduction(attention, x, scale, offset)
    key, value = (
        Linear.of(layer).after(scale, offset)
        for layer in (attention.key, attention.value)
    )
    heads = attention.num_heads
    mixed = parts.attend(
        parts.split_heads(query(x, "query"), heads),
        parts.split_heads(key(reduced, "key"), heads),
        parts.split_heads(value(reduced, "value"), heads),
        bias,
    )
    return Linear.of(attention.proj)(parts.join_heads(mixed, x.shape), "proj")


def _reduction(attention, x, scale, offset):
    """Returns the reduced map, and what the next projections shall fold in.

    The kernel lies inside the map: it sees no zeros that the normalization
    would have to leave alone.
    """
    layer = attention.reduction
    kernel = parts.array(layer.kernel)[..., 0]  # (r, r, C)
    bias = parts.array(layer.bias) + offset * kernel.sum((0, 1))
    bn_scale, bn_offset = parts.inference_affine(attention.bn)
    with keras.name_scope("reduction"):
        x = ops.depthwise_conv(
            x,
            np.float32(kernel * scale)[..., None],
            strides=layer.strides,
            padding="valid",
            data_format="channels_last",
        )
    return x, bn_scale, bn_offset + bias * bn_scale


def _ffn(ffn, x, norm):
    expand = Linear.of(ffn.expand_conv).after(*parts.affine(norm))
    x = keras.activations.gelu(expand(x, "expand_conv"), approximate=False)
    # The next convolution pads with zeros, so that this cannot go into it.
    x = per_channel(x, ffn.expand_bn)
    x = depthwise_with_shortcut(ffn.depthwise_conv, x)
    x = keras.activations.gelu(x, approximate=False)
    project = Linear.of(ffn.project_conv)
    project = project.after(*parts.inference_affine(ffn.depthwise_bn))
    project = project.before(*parts.inference_affine(ffn.project_bn))
    return project(x, "project_conv")


def per_channel(x, bn):
    """A BatchNormalization in one pass: a depthwise 1x1 convolution."""
    scale, offset = parts.inference_affine(bn)
    with keras.name_scope(bn.name):
        kernel = np.float32(scale)[None, None, :, None]
        x = ops.depthwise_conv(x, kernel, data_format="channels_last")
        return x + np.float32(offset)


def depthwise_with_shortcut(layer, x):
    """A depthwise convolution of odd size plus its input, in one."""
    kernel = parts.array(layer.kernel)
    centre = kernel.shape[0] // 2
    kernel[centre, centre] += 1
    with keras.name_scope(layer.name):
        x = ops.depthwise_conv(
            x, np.float32(kernel), padding="same", data_format="channels_last"
        )
        return x + np.float32(parts.array(layer.bias))

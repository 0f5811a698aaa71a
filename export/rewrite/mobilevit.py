"""The deploy form of MobileViT's block."""

import keras
from keras import ops

from keras_mvit.export.rewrite import parts
from keras_mvit.export.rewrite.parts import Linear
from keras_mvit.layers.resizing import next_multiple, resize_bilinear


def mobilevit_block(block, x):
    """The answer of a `MobileViTBlock` with multi-head attention.

    Attention has its P sequences beside its h heads: no axis is folded into
    the batch.
    """
    patch = block.patch_size
    shortcut, size = x, tuple(x.shape[1:3])
    padded = [next_multiple(side, patch) for side in size]
    x = block.local_conv(x, training=False)
    x = resize_bilinear(x, *padded)
    # From here on all writers of the shortcuts leave the mean out, which all
    # readers, being normalizations, would take out. A 1x1 convolution does
    # not care about the order of pixels; before it there are fewer channels.
    x = parts.unfold(x, patch)  # (1, P, N, C)
    x = Linear.of(block.local_proj).centred()(x, "local_proj")
    for encoder in block.transformer:
        with keras.name_scope(encoder.name):
            x = transformer_encoder(encoder, x)
    x = parts.root_mean_square_norm(x, block.norm)
    x = _conv_proj(block, x, padded, size)
    x = ops.concatenate([shortcut, x], axis=-1)
    return block.conv_fusion(x, training=False)


def transformer_encoder(encoder, x):
    """The answer of a `TransformerEncoder`, less its mean over channels.

    Args:
        encoder: TransformerEncoder.
        x: tensor (1, P, N, C) of mean 0 over the channels.
    """
    y = parts.root_mean_square_norm(x, encoder.norm1)
    with keras.name_scope("attention"):
        y = _attention(encoder.attention, y, encoder.norm1)
    x = x + y
    y = parts.root_mean_square_norm(x, encoder.norm2)
    fc1 = Linear.of(encoder.mlp_fc1).after(*parts.affine(encoder.norm2))
    y = encoder.activation(fc1(y, "mlp_fc1"))
    return x + Linear.of(encoder.mlp_fc2).centred()(y, "mlp_fc2")


def _attention(attention, x, norm):
    _, sequences, tokens, channels = x.shape
    heads, head_dim = attention.num_heads, attention.head_dim
    qkv = Linear.of(attention.qkv).after(*parts.affine(norm))
    query, key, value = qkv.split(channels, channels, channels)

    def grouped(linear, name):
        y = parts.split_heads(linear(x, name), heads)  # (1, h, P N, d)
        # Sequences beside heads.
        return ops.reshape(y, (1, heads * sequences, tokens, head_dim))

    mixed = parts.attend(
        grouped(query.before(head_dim**-0.5), "query"),
        grouped(key, "key"),
        grouped(value, "value"),
    )  # (1, h P, N, d)
    mixed = ops.reshape(mixed, (1, heads, sequences * tokens, head_dim))
    proj = Linear.of(attention.proj).centred()
    return proj(parts.join_heads(mixed, x.shape), "proj")


def _conv_proj(block, x, padded, size):
    conv_proj = block.conv_proj
    linear = Linear.of(conv_proj.conv).after(*parts.affine(block.norm))
    linear = linear.before(*parts.inference_affine(conv_proj.bn))
    patch = block.patch_size
    resized = tuple(padded) != size
    if resized:  # which does not commute with the activation
        x = resize_bilinear(parts.fold(x, patch, *padded), *size)
    with keras.name_scope("conv_proj"):
        x = conv_proj.activation(linear(x, "conv"))
    return x if resized else parts.fold(x, patch, *padded)

"""Exports in which one rewrite of the deploy form is left out."""

import contextlib
from unittest import mock

import numpy as np
from keras import ops

from keras_mvit.export import merge_convolutions, rewrite, winograd
from keras_mvit.export.rewrite import cmt, mobilevit, mobilevitv2, parts


def _with_affine(norm_form):
    """Lets a norm apply its own scale and offset."""

    def form(x, norm, *args):
        scale, offset = _AFFINE(norm)
        x = norm_form(x, norm, *args)
        return x * np.float32(scale) + np.float32(offset)

    return form


def _no_affine(norm):
    return np.ones(norm.gamma.shape), np.zeros(norm.beta.shape)


def _joint_projection(attention, x, norm):
    """One projection to queries, keys and values, and slices of it."""
    _, sequences, tokens, channels = x.shape
    heads, head_dim = attention.num_heads, attention.head_dim
    qkv = parts.Linear.of(attention.qkv).after(*parts.affine(norm))
    scale = np.ones(3 * channels)
    scale[:channels] = head_dim**-0.5
    x = parts.split_heads(qkv.before(scale)(x, "qkv"), 3 * heads)
    mixed = parts.attend(
        *(
            ops.reshape(
                x[:, start : start + heads],
                (1, heads * sequences, tokens, head_dim),
            )
            for start in (0, heads, 2 * heads)
        )
    )
    mixed = ops.reshape(mixed, (1, heads, sequences * tokens, head_dim))
    shape = (1, sequences, tokens, channels)
    proj = parts.Linear.of(attention.proj).centred()
    return proj(parts.join_heads(mixed, shape), "proj")


def _keys_first(scores, x, key):
    pixels = x.shape[1] * x.shape[2]
    key = key(x, "key")
    return ops.matmul(scores, ops.reshape(key, (1, 1, pixels, key.shape[-1])))


def _shortcut_apart(layer, x):
    return x + layer(x)


def _two_passes(x, bn):
    scale, offset = parts.inference_affine(bn)
    return x * np.float32(scale) + np.float32(offset)


_AFFINE = parts.affine
# Rewrite -> families it is in, and what stands for it without.
REWRITES = {
    "all": ("mobilevit mobilevitv2 cmt", [(rewrite, "_FORMS", {})]),
    "scales and offsets of norms in the next weights": (
        "mobilevit mobilevitv2 cmt",
        [
            (parts, "affine", _no_affine),
            (parts, "layer_norm", _with_affine(parts.layer_norm)),
            (
                parts,
                "root_mean_square_norm",
                _with_affine(parts.root_mean_square_norm),
            ),
        ],
    ),
    "no means in the shortcuts": (
        "mobilevit",
        [
            (parts, "root_mean_square_norm", parts.layer_norm),
            (parts.Linear, "centred", lambda self: self),
        ],
    ),
    "queries, keys, values apart": (
        "mobilevit",
        [(mobilevit, "_attention", _joint_projection)],
    ),
    "keys after the sum": (
        "mobilevitv2",
        [(mobilevitv2, "context_vectors", _keys_first)],
    ),
    "pointwise convolutions merged": (
        "mobilevitv2",
        [(merge_convolutions, "merge", lambda content: content)],
    ),
    "3x3 convolutions by Winograd's products": (
        "mobilevit",
        [(winograd, "split", lambda content: content)],
    ),
    "shortcuts in depthwise kernels": (
        "cmt",
        [(cmt, "depthwise_with_shortcut", _shortcut_apart)],
    ),
    "batch normalization in one pass": (
        "cmt",
        [(cmt, "per_channel", _two_passes)],
    ),
}


def without(name):
    """Return a context in which the export leaves a rewrite out.

    Args:
        name: str. A key of `REWRITES`.
    """
    context = contextlib.ExitStack()
    for owner, attribute, twin in REWRITES[name][1]:
        context.enter_context(mock.patch.object(owner, attribute, twin))
    return context

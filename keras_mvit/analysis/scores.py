"""Where a model looks."""

import keras
import numpy as np
from keras import ops


def context_scores(model, images):
    """Return how much each place of the images adds to the context.

    For MobileViTv2 the context scores of Mehta & Rastegari, "Separable
    Self-attention for Mobile Vision Transformers", 2022, section 3.2,
    https://arxiv.org/abs/2206.02680, shown there as maps at each output
    stride. For MobileViT and CMT the attention that a token receives, the
    mean over heads and queries; CMT's at the resolution of its keys. All of
    the last attention at a stride.

    Args:
        model: keras.Model of `create_model` or `create_backbone`.
        images: float array (B, H, W, 3), as the model takes them.

    Returns:
        dict of str to float32 array: {"stride_8": (B, h, w), ...}. Scores sum
        to 1 over the tokens that attend to each other: over a map of CMT,
        over the pixels at one position of all patches else.

    Raises:
        ValueError: the model has no such layers, or `images` is no batch of
            images that it takes.

    Example:
        >>> model = create_model("mobilevitv2_050")
        >>> images = np.zeros((1, 256, 256, 3), "float32")
        >>> context_scores(model, images)["stride_8"].shape
        (1, 32, 32)
    """
    blocks = [b for b in model.layers if hasattr(b, "context_scores")]
    if not blocks:
        raise ValueError(
            f"{model.name} has no layer with context scores; expected a model "
            "of `keras_mvit.create_model` or `create_backbone`."
        )
    images = _checked(images, model)
    taps = keras.Model(model.input, [block.input for block in blocks])
    values = taps(images, training=False)
    stride, size = 1, images.shape[1]
    last = {}  # stride -> the last block there, and its inputs
    for block, inputs in zip(blocks, values, strict=True):
        inputs = keras.tree.flatten(inputs)
        rows = inputs[0].shape[1]
        if rows != size:
            # Rounding makes the ratio of small maps inexact.
            nearest = 2 ** round(np.log2(images.shape[1] / rows))
            stride, size = max(2 * stride, nearest), rows
        last[f"stride_{stride}"] = block, inputs
    return {
        name: _map(block.context_scores(*inputs))
        for name, (block, inputs) in last.items()
    }


def _map(scores):
    """(B, H, W, 1) -> float32 array (B, H, W)."""
    return ops.convert_to_numpy(ops.cast(scores, "float32"))[..., 0]


def _checked(images, model):
    images = np.asarray(images, "float32")
    expected = tuple(model.inputs[0].shape)
    fits = images.ndim == 4 and all(
        e in (None, s) for s, e in zip(images.shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`images` must have the shape {expected}. Received: {images.shape}"
        )
    return images

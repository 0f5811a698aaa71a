"""The attentions that a MobileViT block can be built with."""

from keras_mvit.layers.linformer_self_attention import LinformerSelfAttention
from keras_mvit.layers.multi_head_self_attention import MultiHeadSelfAttention
from keras_mvit.layers.separable_self_attention import SeparableSelfAttention


def _separable(num_heads, attention_dropout_rate, **kwargs):
    del num_heads  # it has one score a token
    return SeparableSelfAttention(
        attention_dropout_rate=attention_dropout_rate, **kwargs
    )


ATTENTIONS = {
    "multi_head": MultiHeadSelfAttention,
    "linformer": LinformerSelfAttention,
    "separable": _separable,
}


def make_attention(kind, num_heads, attention_dropout_rate, **kwargs):
    """Return an attention layer over sequences (B, P, N, C).

    The three of table 1 of Mehta & Rastegari, "Separable Self-attention for
    Mobile Vision Transformers", 2022, https://arxiv.org/abs/2206.02680.

    Args:
        kind: str. "multi_head", "linformer" or "separable".
        num_heads: int. Where the kind has heads.
        attention_dropout_rate: float. Of the attention weights.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Returns:
        keras.Layer, tokens in, tokens out.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in ATTENTIONS:
        raise ValueError(
            f"`attention_kind` must be one of {', '.join(ATTENTIONS)}. "
            f"Received: {kind!r}"
        )
    return ATTENTIONS[kind](
        num_heads=num_heads,
        attention_dropout_rate=attention_dropout_rate,
        **kwargs,
    )

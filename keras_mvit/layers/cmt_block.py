"""The block of CMT."""

import keras
from keras import layers

from keras_mvit.layers.drop_path import DropPath
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.inverted_residual_ffn import InvertedResidualFFN
from keras_mvit.layers.lightweight_multi_head_self_attention import (
    LightweightMultiHeadSelfAttention,
)
from keras_mvit.layers.local_perception_unit import LocalPerceptionUnit
from keras_mvit.layers.scored import check_scored


@keras.saving.register_keras_serializable(package="keras_mvit")
class CMTBlock(layers.Layer):
    """Local perception, lightweight attention, inverted residual network.

    Guo et al., "CMT: Convolutional Neural Networks Meet Vision Transformers",
    CVPR 2022, section 3.2, https://arxiv.org/abs/2107.06263. LayerNorm's
    epsilon is 1e-6 inside the blocks.

    Args:
        num_heads: int. Divides the channels.
        sr_ratio: int. Reduction of keys and values on each axis.
        ffn_dim: int. Hidden channels of the feed-forward network.
        drop_path_rate: float. Of both branches. Defaults to 0.
        attention_dropout_rate: float. Of attention weights. Defaults to 0.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: a map (B, H, W, C), and the stage's `RelativePositionBias`
        (num_heads, H W, (H // sr_ratio) (W // sr_ratio)) or None.
    Output shape: as the map.

    Example:
        >>> block = CMTBlock(num_heads=2, sr_ratio=4, ffn_dim=331)
        >>> block(keras.ops.ones((1, 20, 20, 92))).shape
        (1, 20, 20, 92)
    """

    def __init__(
        self,
        num_heads,
        sr_ratio,
        ffn_dim,
        drop_path_rate=0.0,
        attention_dropout_rate=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio
        self.ffn_dim = ffn_dim
        self.drop_path_rate = drop_path_rate
        self.attention_dropout_rate = attention_dropout_rate
        common = dict(dtype=self.dtype_policy)
        self.perception = LocalPerceptionUnit(name="perception", **common)
        self.norm1 = layers.LayerNormalization(
            epsilon=1e-6, name="norm1", **common
        )
        self.attention = LightweightMultiHeadSelfAttention(
            num_heads,
            sr_ratio,
            attention_dropout_rate,
            name="attention",
            **common,
        )
        self.norm2 = layers.LayerNormalization(
            epsilon=1e-6, name="norm2", **common
        )
        self.ffn = InvertedResidualFFN(ffn_dim, name="ffn", **common)
        self.drop_path = DropPath(drop_path_rate, name="drop_path", **common)

    def build(self, x_shape, bias_shape=None):
        """Create the weights for maps of `x_shape`."""
        for layer in (
            self.perception,
            self.norm1,
            self.attention,
            self.norm2,
            self.ffn,
        ):
            layer.build(x_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, bias=None, training=None):
        """Return the map after the block."""
        x = self.perception(x)
        branch = self.attention(self.norm1(x), bias, training=training)
        x = x + self.drop_path(branch, training=training)
        branch = self.ffn(self.norm2(x), training=training)
        return x + self.drop_path(branch, training=training)

    def context_scores(self, x, bias=None):
        """Return the attention each key receives.

        Args:
            x: tensor, as for the call.
            bias: tensor or None, as for the call.

        Returns:
            Tensor (B, H // sr_ratio, W // sr_ratio, 1); sums to 1 over a map.

        Raises:
            ValueError: the block is not built.
        """
        check_scored(self)
        return self.attention.context_scores(
            self.norm1(self.perception(x)), bias
        )

    def compute_output_shape(self, x_shape, bias_shape=None):
        """Return `x_shape`."""
        return x_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "num_heads": self.num_heads,
            "sr_ratio": self.sr_ratio,
            "ffn_dim": self.ffn_dim,
            "drop_path_rate": self.drop_path_rate,
            "attention_dropout_rate": self.attention_dropout_rate,
        }

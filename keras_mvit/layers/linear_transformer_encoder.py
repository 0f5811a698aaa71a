"""One layer of MobileViTv2's transformer."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.layer_norm_2d import LayerNorm2D
from keras_mvit.layers.separable_self_attention import SeparableSelfAttention
from keras_mvit.layers.transformer_encoder import TransformerEncoder


@keras.saving.register_keras_serializable(package="keras_mvit")
class LinearTransformerEncoder(TransformerEncoder):
    """Separable attention and an MLP, each after a norm, around a shortcut.

    Mehta & Rastegari, "Separable Self-attention for Mobile Vision
    Transformers", 2022, section 3.3, https://arxiv.org/abs/2206.02680. As
    `TransformerEncoder`, but normalized over the whole map, and projected by
    1x1 convolutions.

    Args:
        mlp_dim: int. Hidden channels of the MLP.
        patch_size: int or None. As of `SeparableSelfAttention`.
        dropout_rate: float. After attention and after the MLP. Defaults to 0.
        attention_dropout_rate: float. Of the scores. Defaults to 0.
        drop_path_rate: float. Of both branches. Defaults to 0.
        activation: str or callable. Of the MLP. Defaults to "silu".
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, P, N, C), or a map (B, H, W, C).
    Output shape: as the input.

    Example:
        >>> layer = LinearTransformerEncoder(mlp_dim=256, patch_size=2)
        >>> layer(keras.ops.ones((1, 16, 16, 128))).shape
        (1, 16, 16, 128)
    """

    def __init__(
        self,
        mlp_dim,
        patch_size=None,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
        activation="silu",
        **kwargs,
    ):
        self.patch_size = patch_size
        super().__init__(
            mlp_dim,
            num_heads=1,
            dropout_rate=dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            drop_path_rate=drop_path_rate,
            activation=activation,
            attention_kind="separable",
            **kwargs,
        )

    def _make_norm(self, name):
        return LayerNorm2D(dtype=self.dtype_policy, name=name)

    def _make_projection(self, units, name):
        return layers.Conv2D(
            units,
            1,
            kernel_initializer=initializers.conv_kernel(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_attention(self, name):
        return SeparableSelfAttention(
            self.patch_size,
            self.attention_dropout_rate,
            dtype=self.dtype_policy,
            name=name,
        )

    def get_config(self):
        """Return the arguments of `__init__`."""
        config = super().get_config() | {"patch_size": self.patch_size}
        del config["num_heads"], config["attention_kind"]
        return config

"""The block of MobileViT."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers
from keras_mvit.layers.conv_norm_act import ConvNormAct
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.patches import PatchFold, PatchUnfold
from keras_mvit.layers.resizing import next_multiple, resize_bilinear
from keras_mvit.layers.scored import check_scored
from keras_mvit.layers.transformer_encoder import TransformerEncoder


@keras.saving.register_keras_serializable(package="keras_mvit")
class MobileViTBlock(layers.Layer):
    """Local convolution, transformer over patches, fusion with the input.

    Mehta & Rastegari, "MobileViT", ICLR 2022, section 3.1 and figure 1b,
    https://arxiv.org/abs/2110.02178. A map that the patch does not divide is
    resized up to the next multiple before unfolding and back after folding
    (bilinear, half-pixel centres), as in the authors' code.

    Args:
        hidden_dim: int. Channels of the tokens; a multiple of `num_heads`.
        mlp_dim: int. Hidden channels of the transformer's MLP.
        depth: int. Number of transformer layers.
        num_heads: int. Attention heads. Defaults to 4.
        patch_size: int. Side of the square patch. Defaults to 2.
        dropout_rate: float. In the transformer. Defaults to 0.
        attention_dropout_rate: float. Of attention weights. Defaults to 0.
        drop_path_rate: float. Of the transformer's branches. Defaults to 0.
        activation: str or callable. Defaults to "silu".
        attention_kind: str. As of `TransformerEncoder`. Defaults to
            "multi_head", the paper's.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: as the input.

    Example:
        >>> layer = MobileViTBlock(hidden_dim=64, mlp_dim=128, depth=2)
        >>> layer(keras.ops.ones((1, 15, 16, 48))).shape
        (1, 15, 16, 48)
    """

    def __init__(
        self,
        hidden_dim,
        mlp_dim,
        depth,
        num_heads=4,
        patch_size=2,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
        activation="silu",
        attention_kind="multi_head",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.depth = depth
        self.num_heads = num_heads
        self.patch_size = patch_size
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.activation = keras.activations.get(activation)
        self.attention_kind = attention_kind

        common = dict(dtype=self.dtype_policy)
        self.local_proj = layers.Conv2D(
            hidden_dim,
            1,
            use_bias=False,
            kernel_initializer=initializers.conv_kernel(),
            name="local_proj",
            **common,
        )
        self.unfold = PatchUnfold(patch_size, name="unfold", **common)
        self.transformer = [
            TransformerEncoder(
                mlp_dim,
                num_heads,
                dropout_rate,
                attention_dropout_rate,
                drop_path_rate,
                self.activation,
                attention_kind,
                name=f"transformer_{index}",
                **common,
            )
            for index in range(depth)
        ]
        self.norm = layers.LayerNormalization(
            epsilon=1e-5, name="norm", **common
        )
        self.fold = PatchFold(patch_size, name="fold", **common)

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        channels = input_shape[-1]
        common = dict(activation=self.activation, dtype=self.dtype_policy)
        # These keep the input's channels, known only here.
        self.local_conv = ConvNormAct(channels, name="local_conv", **common)
        self.conv_proj = ConvNormAct(channels, 1, name="conv_proj", **common)
        self.conv_fusion = ConvNormAct(channels, name="conv_fusion", **common)

        leading = input_shape[:-1]
        padded = [s and next_multiple(s, self.patch_size) for s in leading[1:]]
        tokens_shape = self.unfold.compute_output_shape(
            (leading[0], *padded, self.hidden_dim)
        )
        self.local_conv.build(input_shape)
        self.local_proj.build(input_shape)
        for encoder in self.transformer:
            encoder.build(tokens_shape)
        self.norm.build(tokens_shape)
        self.conv_proj.build((*leading, self.hidden_dim))
        self.conv_fusion.build((*leading, 2 * channels))
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the fused map."""
        shortcut = x
        x = self.local_conv(x, training=training)
        x = self.local_proj(x)  # (B, H, W, d)
        x = self._mix_patches(x, training)  # (B, H, W, d)
        x = self.conv_proj(x, training=training)  # (B, H, W, C)
        x = ops.concatenate([shortcut, x], axis=-1)  # (B, H, W, 2 C)
        return self.conv_fusion(x, training=training)

    def context_scores(self, x):
        """Return the attention each pixel receives in the last transformer.

        Args:
            x: tensor, as for the call.

        Returns:
            Tensor (B, H', W', 1), H' and W' the next multiples of
            `patch_size`; the pixels of a sequence sum to 1.

        Raises:
            ValueError: the block is not built, its depth is 0, or its
                attention gives no scores.
        """
        check_scored(self)
        x = like = self._whole_patches(self.local_proj(self.local_conv(x)))
        x = self.unfold(x)  # (B, P, N, d)
        for encoder in self.transformer[:-1]:
            x = encoder(x)
        return self.fold(self.transformer[-1].context_scores(x), like)

    def _mix_patches(self, x, training):
        height, width = ops.shape(x)[1:3]
        x = like = self._whole_patches(x)
        x = self.unfold(x)  # (B, P, N, d)
        for encoder in self.transformer:
            x = encoder(x, training=training)
        x = self.fold(self.norm(x), like)
        return resize_bilinear(x, height, width)

    def _whole_patches(self, x):
        size = ops.shape(x)[1:3]
        padded = [next_multiple(s, self.patch_size) for s in size]
        return resize_bilinear(x, *padded)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "hidden_dim": self.hidden_dim,
            "mlp_dim": self.mlp_dim,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "patch_size": self.patch_size,
            "dropout_rate": self.dropout_rate,
            "attention_dropout_rate": self.attention_dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "activation": keras.activations.serialize(self.activation),
            "attention_kind": self.attention_kind,
        }

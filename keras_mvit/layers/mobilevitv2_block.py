"""The block of MobileViTv2."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers
from keras_mvit.layers.conv_norm_act import ConvNormAct
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.layer_norm_2d import LayerNorm2D
from keras_mvit.layers.linear_transformer_encoder import (
    LinearTransformerEncoder,
)
from keras_mvit.layers.resizing import next_multiple, resize_bilinear
from keras_mvit.layers.scored import check_scored


@keras.saving.register_keras_serializable(package="keras_mvit")
class MobileViTV2Block(layers.Layer):
    """Local depthwise convolution, then a transformer linear in the tokens.

    Mehta & Rastegari, "Separable Self-attention for Mobile Vision
    Transformers", 2022, section 3.3, https://arxiv.org/abs/2206.02680. A map
    that the patch does not divide is resized up to the next multiple at the
    entry (bilinear, corners aligned), and stays so, as in the authors' code:
    224 px give a last map of 8x8. There is no fusion and no shortcut.

    Args:
        hidden_dim: int. Channels of the tokens.
        mlp_dim: int. Hidden channels of the transformer's MLP.
        depth: int. Number of transformer layers.
        patch_size: int. Side of the square patch. Defaults to 2.
        dilation_rate: int. Of the local convolution. Defaults to 1.
        dropout_rate: float. In the transformer. Defaults to 0.
        attention_dropout_rate: float. Of the scores. Defaults to 0.
        drop_path_rate: float. Of the transformer's branches. Defaults to 0.
        activation: str or callable. Defaults to "silu".
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, H, W, C); H and W may be unknown.
    Output shape: (B, H', W', C), the next multiples of `patch_size`.

    Example:
        >>> layer = MobileViTV2Block(hidden_dim=64, mlp_dim=128, depth=2)
        >>> layer(keras.ops.ones((1, 7, 8, 48))).shape
        (1, 8, 8, 48)
    """

    def __init__(
        self,
        hidden_dim,
        mlp_dim,
        depth,
        patch_size=2,
        dilation_rate=1,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.depth = depth
        self.patch_size = patch_size
        self.dilation_rate = dilation_rate
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.activation = keras.activations.get(activation)

        common = dict(dtype=self.dtype_policy)
        self.local_conv = ConvNormAct(
            None,
            dilation_rate=dilation_rate,
            activation=self.activation,
            name="local_conv",
            **common,
        )
        self.local_proj = layers.Conv2D(
            hidden_dim,
            1,
            use_bias=False,
            kernel_initializer=initializers.conv_kernel(),
            name="local_proj",
            **common,
        )
        self.transformer = [
            LinearTransformerEncoder(
                mlp_dim,
                patch_size,
                dropout_rate,
                attention_dropout_rate,
                drop_path_rate,
                self.activation,
                name=f"transformer_{index}",
                **common,
            )
            for index in range(depth)
        ]
        self.norm = LayerNorm2D(name="norm", **common)

    def build(self, input_shape):
        """Create the weights for maps of `input_shape`."""
        # It keeps the input's channels, known only here.
        self.conv_proj = ConvNormAct(
            input_shape[-1],
            1,
            activation=None,
            dtype=self.dtype_policy,
            name="conv_proj",
        )
        shape = self.compute_output_shape(input_shape)
        tokens_shape = (*shape[:-1], self.hidden_dim)
        self.local_conv.build(shape)
        self.local_proj.build(shape)
        for encoder in self.transformer:
            encoder.build(tokens_shape)
        self.norm.build(tokens_shape)
        self.conv_proj.build(tokens_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the map after the transformer."""
        x = self._tokens(x, training)  # (B, H', W', d)
        for encoder in self.transformer:
            x = encoder(x, training=training)
        return self.conv_proj(self.norm(x), training=training)

    def context_scores(self, x):
        """Return the last transformer layer's context scores.

        Args:
            x: tensor, as for the call.

        Returns:
            Tensor (B, H', W', 1); the pixels at one position of all patches
            sum to 1.

        Raises:
            ValueError: the block is not built, or its depth is 0.
        """
        check_scored(self)
        x = self._tokens(x)
        for encoder in self.transformer[:-1]:
            x = encoder(x)
        return self.transformer[-1].context_scores(x)

    def _tokens(self, x, training=None):
        height, width = ops.shape(x)[1:3]
        x = resize_bilinear(
            x,
            next_multiple(height, self.patch_size),
            next_multiple(width, self.patch_size),
            align_corners=True,
        )
        return self.local_proj(self.local_conv(x, training=training))

    def compute_output_shape(self, input_shape):
        """Return (B, H', W', C)."""
        batch, *size, channels = input_shape
        size = [s and next_multiple(s, self.patch_size) for s in size]
        return (batch, *size, channels)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "hidden_dim": self.hidden_dim,
            "mlp_dim": self.mlp_dim,
            "depth": self.depth,
            "patch_size": self.patch_size,
            "dilation_rate": self.dilation_rate,
            "dropout_rate": self.dropout_rate,
            "attention_dropout_rate": self.attention_dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "activation": keras.activations.serialize(self.activation),
        }

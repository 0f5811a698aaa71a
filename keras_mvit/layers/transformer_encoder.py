"""One layer of a pre-norm transformer."""

import keras
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.layers.attention import make_attention
from keras_mvit.layers.drop_path import DropPath
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.scored import check_scored


@keras.saving.register_keras_serializable(package="keras_mvit")
class TransformerEncoder(layers.Layer):
    """Attention and an MLP, each after a LayerNorm and around a shortcut.

    Mehta & Rastegari, "MobileViT", ICLR 2022, section 3.1,
    https://arxiv.org/abs/2110.02178. LayerNorm's epsilon is 1e-5.

    Args:
        mlp_dim: int. Hidden channels of the MLP.
        num_heads: int. Attention heads. Defaults to 4.
        dropout_rate: float. After attention and after the MLP. Defaults to 0.
        attention_dropout_rate: float. Of the attention weights. Defaults to 0.
        drop_path_rate: float. Of both branches. Defaults to 0.
        activation: str or callable. Of the MLP. Defaults to "silu".
        attention_kind: str. "multi_head", "linformer" or "separable": see
            `make_attention`. Defaults to "multi_head", the paper's.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, P, N, C), or (B, N, C) where the attention is not
        separable.
    Output shape: as the input.

    Example:
        >>> layer = TransformerEncoder(mlp_dim=288, num_heads=4)
        >>> layer(keras.ops.ones((1, 4, 64, 144))).shape
        (1, 4, 64, 144)
    """

    def __init__(
        self,
        mlp_dim,
        num_heads=4,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
        activation="silu",
        attention_kind="multi_head",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.mlp_dim = mlp_dim
        self.num_heads = num_heads
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.activation = keras.activations.get(activation)
        self.attention_kind = attention_kind

        self.norm1 = self._make_norm("norm1")
        self.attention = self._make_attention("attention")
        self.norm2 = self._make_norm("norm2")
        self.mlp_fc1 = self._make_projection(mlp_dim, "mlp_fc1")
        common = dict(dtype=self.dtype_policy)
        self.dropout = layers.Dropout(dropout_rate, name="dropout", **common)
        self.drop_path = DropPath(drop_path_rate, name="drop_path", **common)

    def _make_norm(self, name):
        return layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name=name
        )

    def _make_projection(self, units, name):
        return layers.Dense(
            units,
            kernel_initializer=initializers.linear_kernel(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_attention(self, name):
        return make_attention(
            self.attention_kind,
            self.num_heads,
            self.attention_dropout_rate,
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, input_shape):
        """Create the weights for tokens of `input_shape[-1]` channels."""
        # The last projection's width is the input's, known only here.
        self.mlp_fc2 = self._make_projection(input_shape[-1], "mlp_fc2")
        for layer in (self.norm1, self.attention, self.norm2, self.mlp_fc1):
            layer.build(input_shape)
        self.mlp_fc2.build((*input_shape[:-1], self.mlp_dim))
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the tokens after attention and MLP."""
        shortcut = x
        x = self.attention(self.norm1(x), training=training)
        x = self.dropout(x, training=training)
        x = shortcut + self.drop_path(x, training=training)

        shortcut = x
        x = self.activation(self.mlp_fc1(self.norm2(x)))
        x = self.dropout(self.mlp_fc2(x), training=training)
        return shortcut + self.drop_path(x, training=training)

    def context_scores(self, x):
        """Return each token's share of its sequence's attention.

        Args:
            x: tensor, as for the call.

        Returns:
            Tensor of x's shape with one channel; sums to 1 over a sequence.

        Raises:
            ValueError: the attention is one over summaries of the tokens, or
                the layer is not built.
        """
        check_scored(self)
        if not hasattr(self.attention, "context_scores"):
            raise ValueError(
                f"{self.name} has no share of attention for each token; "
                'attention_kind="multi_head" and "separable" have. Received: '
                f"attention_kind={self.attention_kind!r}"
            )
        return self.attention.context_scores(self.norm1(x))

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "mlp_dim": self.mlp_dim,
            "num_heads": self.num_heads,
            "dropout_rate": self.dropout_rate,
            "attention_dropout_rate": self.attention_dropout_rate,
            "drop_path_rate": self.drop_path_rate,
            "activation": keras.activations.serialize(self.activation),
            "attention_kind": self.attention_kind,
        }

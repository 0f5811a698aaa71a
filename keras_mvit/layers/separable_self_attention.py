"""Self-attention whose cost is linear in the number of tokens."""

import keras
from keras import layers, ops

from keras_mvit.layers import initializers
from keras_mvit.layers.freezing import pass_on_trainable
from keras_mvit.layers.patches import PatchFold, PatchUnfold
from keras_mvit.layers.precision import at_least_float32
from keras_mvit.layers.scored import check_scored


@keras.saving.register_keras_serializable(package="keras_mvit")
class SeparableSelfAttention(layers.Layer):
    """One context vector a sequence, weighted by one score a token.

    Mehta & Rastegari, "Separable Self-attention for Mobile Vision
    Transformers", 2022, section 3.2, https://arxiv.org/abs/2206.02680: the
    scores' softmax runs over the N tokens, the context is the sum of the keys
    so weighted, and it multiplies the rectified values.

    The tokens may come as sequences, or as the map they stand in. A map is
    never unfolded: projections do not care about the order of pixels, so only
    the one-channel scores and the sums are grouped by position in the patch.

    Args:
        patch_size: int or None. None takes sequences. An int takes a map, in
            which the pixels at one position of all patches are a sequence.
            Defaults to None.
        attention_dropout_rate: float. Dropout of the scores. Defaults to 0.
        **kwargs: `name`, `dtype` and the like, for `keras.layers.Layer`.

    Input shape: (B, P, N, C) for P sequences a sample, or a map (B, H, W, C),
        H and W multiples of `patch_size` or unknown.
    Output shape: as the input.

    Raises:
        ValueError: the input has not four axes.

    Example:
        >>> SeparableSelfAttention()(keras.ops.ones((1, 4, 64, 128))).shape
        (1, 4, 64, 128)
    """

    def __init__(self, patch_size=None, attention_dropout_rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.attention_dropout_rate = attention_dropout_rate
        self.dropout = layers.Dropout(
            attention_dropout_rate, dtype=self.dtype_policy, name="dropout"
        )
        if patch_size is not None:
            self.unfold = PatchUnfold(
                patch_size, dtype=self.dtype_policy, name="unfold"
            )
            self.fold = PatchFold(
                patch_size, dtype=self.dtype_policy, name="fold"
            )

    def build(self, input_shape):
        """Create the weights for tokens of `input_shape[-1]` channels."""
        if len(input_shape) != 4:
            raise ValueError(
                "Separable attention takes sequences (B, P, N, C) or a map (B, "
                f"H, W, C). Received: input_shape={tuple(input_shape)}"
            )
        self.hidden_dim = input_shape[-1]
        common = dict(kernel_size=1, dtype=self.dtype_policy)
        self.qkv = layers.Conv2D(
            1 + 2 * self.hidden_dim,
            kernel_initializer=initializers.conv_kernel(),
            name="qkv",
            **common,
        )
        self.proj = layers.Conv2D(
            self.hidden_dim,
            kernel_initializer=initializers.conv_kernel(),
            name="proj",
            **common,
        )
        self.qkv.build(input_shape)
        self.proj.build(input_shape)
        self.built = True
        pass_on_trainable(self)

    def call(self, x, training=None):
        """Return the tokens mixed by attention."""
        query, key, value = self._project(x, training)
        scores = self._softmax(query)
        scores = self.dropout(scores, training=training)
        value = ops.relu(value)
        if self.patch_size is None:
            # (B, P, 1, C) * (B, P, N, C)
            x = ops.sum(key * scores, axis=2, keepdims=True) * value
        else:
            x = self._mix_map(key * self.fold(scores, key), value)
        return self.proj(x)

    def context_scores(self, x):
        """Return each token's share of its sequence's context.

        Args:
            x: tensor, as for the call.

        Returns:
            Tensor of x's shape with one channel; sums to 1 over a sequence.

        Raises:
            ValueError: the layer is not built.
        """
        check_scored(self)
        query, key, _ = self._project(x)
        scores = self._softmax(query)
        return scores if self.patch_size is None else self.fold(scores, key)

    def _project(self, x, training=None):
        qkv = self.qkv(x)  # (B, H, W, 1 + 2 C)
        last = 1 + self.hidden_dim
        if training:  # the gradient of a split is one copy, of slices six
            return ops.split(qkv, (1, last), axis=-1)
        # A split leaves LiteRT's CPU delegate.
        return qkv[..., :1], qkv[..., 1:last], qkv[..., last:]

    def _softmax(self, query):
        """Return the scores (B, P, N, 1)."""
        if self.patch_size is not None:
            query = self.unfold(query)
        if query.shape[2] == 1:  # a lone token has all of the attention
            return ops.ones_like(query)
        # Over the last axis, the only one LiteRT's softmax knows; in float32
        # also under mixed precision.
        query = at_least_float32(ops.squeeze(query, -1))  # (B, P, N)
        scores = ops.cast(ops.softmax(query), self.compute_dtype)
        return ops.expand_dims(scores, -1)

    def _mix_map(self, weighted, value):
        """Multiply values by the sum of `weighted` at their patch position."""
        _, height, width, channels = ops.shape(value)
        patch = self.patch_size
        rows, columns = height // patch, width // patch
        x = ops.reshape(weighted, (-1, rows, patch, width * channels))
        x = ops.sum(x, axis=1)  # (B, p, W C)
        x = ops.reshape(x, (-1, patch, columns, patch * channels))
        context = ops.sum(x, axis=2, keepdims=True)  # (B, p, 1, p C)
        # Repeated by a product, because delegates lack tiling.
        ones = ops.ones((1, 1, columns, 1), dtype=self.compute_dtype)
        context = ops.reshape(context * ones, (-1, 1, patch, width * channels))
        value = ops.reshape(value, (-1, rows, patch, width * channels))
        return ops.reshape(context * value, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config() | {
            "patch_size": self.patch_size,
            "attention_dropout_rate": self.attention_dropout_rate,
        }

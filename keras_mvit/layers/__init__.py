"""The blocks of the papers as Keras layers."""

from keras_mvit.layers.cmt_block import CMTBlock
from keras_mvit.layers.cmt_stem import CMTStem
from keras_mvit.layers.conv_norm_act import ConvNormAct
from keras_mvit.layers.drop_path import DropPath
from keras_mvit.layers.inverted_residual import InvertedResidual
from keras_mvit.layers.inverted_residual_ffn import InvertedResidualFFN
from keras_mvit.layers.layer_norm_2d import LayerNorm2D
from keras_mvit.layers.lightweight_multi_head_self_attention import (
    LightweightMultiHeadSelfAttention,
)
from keras_mvit.layers.linear_transformer_encoder import (
    LinearTransformerEncoder,
)
from keras_mvit.layers.linformer_self_attention import LinformerSelfAttention
from keras_mvit.layers.local_perception_unit import LocalPerceptionUnit
from keras_mvit.layers.mobilevit_block import MobileViTBlock
from keras_mvit.layers.mobilevitv2_block import MobileViTV2Block
from keras_mvit.layers.multi_head_self_attention import MultiHeadSelfAttention
from keras_mvit.layers.patch_embedding import PatchEmbedding
from keras_mvit.layers.patches import PatchFold, PatchUnfold
from keras_mvit.layers.relative_position_bias import RelativePositionBias
from keras_mvit.layers.separable_self_attention import SeparableSelfAttention
from keras_mvit.layers.transformer_encoder import TransformerEncoder

__all__ = [
    "CMTBlock",
    "CMTStem",
    "ConvNormAct",
    "DropPath",
    "InvertedResidual",
    "InvertedResidualFFN",
    "LayerNorm2D",
    "LightweightMultiHeadSelfAttention",
    "LinearTransformerEncoder",
    "LinformerSelfAttention",
    "LocalPerceptionUnit",
    "MobileViTBlock",
    "MobileViTV2Block",
    "MultiHeadSelfAttention",
    "PatchEmbedding",
    "PatchFold",
    "PatchUnfold",
    "RelativePositionBias",
    "SeparableSelfAttention",
    "TransformerEncoder",
]

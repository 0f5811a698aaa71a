"""The blocks of the papers as Keras layers."""

from keras_mvit.layers.conv_norm_act import ConvNormAct
from keras_mvit.layers.drop_path import DropPath
from keras_mvit.layers.inverted_residual import InvertedResidual
from keras_mvit.layers.mobilevit_block import MobileViTBlock
from keras_mvit.layers.multi_head_self_attention import MultiHeadSelfAttention
from keras_mvit.layers.patches import PatchFold, PatchUnfold
from keras_mvit.layers.transformer_encoder import TransformerEncoder

__all__ = [
    "ConvNormAct",
    "DropPath",
    "InvertedResidual",
    "MobileViTBlock",
    "MultiHeadSelfAttention",
    "PatchFold",
    "PatchUnfold",
    "TransformerEncoder",
]

"""MobileViT: Mehta & Rastegari, ICLR 2022, https://arxiv.org/abs/2110.02178.

Widths, depths and heads: the authors' released configurations
(apple/ml-cvnets, config/classification/imagenet). All three variants have 4
heads and an MLP of twice the hidden width.
"""

import dataclasses

from keras_mvit.layers import ConvNormAct, MobileViTBlock
from keras_mvit.models.pyramid import pyramid
from keras_mvit.models.variant import Preprocessing, Variant


@dataclasses.dataclass(frozen=True)
class MobileViTVariant(Variant):
    """A row of the paper's table 4.

    Attributes:
        stem_filters: int. Of the first convolution.
        filters: 5 ints. Output channels of layers 1 to 5.
        layer2_depth: int. Inverted residuals of layer 2.
        hidden_dims: 3 ints. Token channels of the blocks in layers 3 to 5.
        depths: 3 ints. Transformer layers of these blocks.
        patch_sizes: 3 ints. Of these blocks; the paper also tries (8, 4, 2).
        expand_ratio: int. Of the inverted residuals.
        head_filters: int. Of the last 1x1 convolution.
        num_heads: int. Of every attention.
        attention_kind: str. "multi_head", or "linformer" or "separable" for
            the comparison of the MobileViTv2 paper's table 1.
        dropout_rate: float. In the transformers.
        classifier_dropout_rate: float. Before the classifier.
        drop_path_rate: float. Of the transformers' branches.
    """

    filters: tuple
    hidden_dims: tuple
    expand_ratio: int
    head_filters: int
    dropout_rate: float
    stem_filters: int = 16
    layer2_depth: int = 3
    depths: tuple = (2, 4, 3)
    patch_sizes: tuple = (2, 2, 2)
    num_heads: int = 4
    attention_kind: str = "multi_head"
    classifier_dropout_rate: float = 0.1
    drop_path_rate: float = 0.0

    def backbone(self, x, output_stride, dropout_rate, drop_path_rate):
        """Return the maps {"stride_2": ..., ..., "stride_32": ...} of `x`."""

        def make_block(index, dilation_rate, name):
            del dilation_rate  # the authors' blocks are not dilated
            return MobileViTBlock(
                self.hidden_dims[index],
                mlp_dim=2 * self.hidden_dims[index],
                depth=self.depths[index],
                num_heads=self.num_heads,
                patch_size=self.patch_sizes[index],
                dropout_rate=dropout_rate,
                drop_path_rate=drop_path_rate,
                attention_kind=self.attention_kind,
                name=name,
            )

        return pyramid(x, self, output_stride, make_block)

    def head(self, x):
        """Return `x` through the last 1x1 convolution."""
        return ConvNormAct(self.head_filters, 1, name="head_conv")(x)


_PREPROCESSING = Preprocessing()  # scaled to [0, 1] and nothing else

VARIANTS = (
    MobileViTVariant(
        name="mobilevit_xxs",
        filters=(16, 24, 48, 64, 80),
        hidden_dims=(64, 80, 96),
        expand_ratio=2,
        head_filters=320,
        dropout_rate=0.05,
        parameters=1_272_024,
        gmacs=0.407,
        top1=69.0,
        preprocessing=_PREPROCESSING,
    ),
    MobileViTVariant(
        name="mobilevit_xs",
        filters=(32, 48, 64, 80, 96),
        hidden_dims=(96, 120, 144),
        expand_ratio=4,
        head_filters=384,
        dropout_rate=0.1,
        parameters=2_317_848,
        gmacs=1.026,
        top1=74.7,
        preprocessing=_PREPROCESSING,
    ),
    MobileViTVariant(
        name="mobilevit_s",
        filters=(32, 64, 96, 128, 160),
        hidden_dims=(144, 192, 240),
        expand_ratio=4,
        head_filters=640,
        dropout_rate=0.1,
        parameters=5_578_632,
        gmacs=2.001,
        top1=78.3,
        preprocessing=_PREPROCESSING,
    ),
)

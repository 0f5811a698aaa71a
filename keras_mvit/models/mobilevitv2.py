"""MobileViTv2: Mehta & Rastegari, 2022, https://arxiv.org/abs/2206.02680.

One architecture at seven widths; the formulas are those of the authors' code
(apple/ml-cvnets, cvnets/models/classification/config/mobilevit_v2.py).
"""

import dataclasses

from keras_mvit.layers import MobileViTV2Block
from keras_mvit.layers.rounding import make_divisible
from keras_mvit.models.pyramid import pyramid
from keras_mvit.models.variant import Preprocessing, Variant


@dataclasses.dataclass(frozen=True)
class MobileViTV2Variant(Variant):
    """A width of MobileViTv2.

    Attributes:
        width_multiplier: float. Of all channels.
        depths: 3 ints. Transformer layers of the blocks in layers 3 to 5.
        patch_sizes: 3 ints. Of these blocks.
        layer2_depth: int. Inverted residuals of layer 2.
        expand_ratio: int. Of the inverted residuals.
        mlp_ratio: float. Hidden channels of the MLP over those of the tokens.
        dropout_rate: float. In the transformers.
        classifier_dropout_rate: float. Before the classifier.
        drop_path_rate: float. Of the transformers' branches.
    """

    width_multiplier: float
    depths: tuple = (2, 4, 3)
    patch_sizes: tuple = (2, 2, 2)
    layer2_depth: int = 2
    expand_ratio: int = 2
    mlp_ratio: float = 2.0
    dropout_rate: float = 0.0
    classifier_dropout_rate: float = 0.0
    drop_path_rate: float = 0.0

    @property
    def stem_filters(self):
        """Channels of the first convolution, between 16 and 64."""
        return make_divisible(min(max(32 * self.width_multiplier, 16), 64), 8)

    @property
    def filters(self):
        """Output channels of layers 1 to 5."""
        width = self.width_multiplier
        first = make_divisible(64 * width, 16)
        others = (make_divisible(c * width, 8) for c in (128, 256, 384, 512))
        return (first, *others)

    @property
    def hidden_dims(self):
        """Token channels of the blocks in layers 3 to 5."""
        return tuple(
            make_divisible(c * self.width_multiplier, 8)
            for c in (128, 192, 256)
        )

    def backbone(self, x, output_stride, dropout_rate, drop_path_rate):
        """Return the maps {"stride_2": ..., ..., "stride_32": ...} of `x`."""

        def make_block(index, dilation_rate, name):
            hidden_dim = self.hidden_dims[index]
            return MobileViTV2Block(
                hidden_dim,
                mlp_dim=int(self.mlp_ratio * hidden_dim // 16 * 16),
                depth=self.depths[index],
                patch_size=self.patch_sizes[index],
                dilation_rate=dilation_rate,
                dropout_rate=dropout_rate,
                drop_path_rate=drop_path_rate,
                name=name,
            )

        return pyramid(x, self, output_stride, make_block)

    def head(self, x):
        """Return `x`: the last map is pooled as it is."""
        return x


_PREPROCESSING = Preprocessing(interpolation="bicubic")

# Width, trainable parameters with 1000 classes, GMACs and top-1 at 256 px.
_ROWS = (
    (0.5, 1_370_593, 0.465, 70.18),
    (0.75, 2_866_009, 1.028, 75.56),
    (1.0, 4_901_841, 1.812, 78.09),
    (1.25, 7_478_089, 2.817, 79.65),
    (1.5, 10_594_753, 4.043, 80.38),
    (1.75, 14_251_833, 5.489, 80.84),
    (2.0, 18_449_329, 7.156, 81.17),
)

VARIANTS = tuple(
    MobileViTV2Variant(
        name=f"mobilevitv2_{round(100 * width):03d}",
        width_multiplier=width,
        parameters=parameters,
        gmacs=gmacs,
        top1=top1,
        preprocessing=_PREPROCESSING,
    )
    for width, parameters, gmacs, top1 in _ROWS
)

"""CMT: Guo et al., CVPR 2022, https://arxiv.org/abs/2107.06263.

The four rows are those of the authors' code (ggjy/CMT.pytorch), which the
released weights fit; the paper rounds XS's ratio of 3.77 to 3.8.
"""

import dataclasses

import numpy as np

from keras_mvit.layers import (
    CMTBlock,
    CMTStem,
    ConvNormAct,
    PatchEmbedding,
    RelativePositionBias,
)
from keras_mvit.models.variant import Preprocessing, Variant

_NUM_HEADS = (1, 2, 4, 8)
_SR_RATIOS = (8, 4, 2, 1)


@dataclasses.dataclass(frozen=True)
class CMTVariant(Variant):
    """A row of the paper's table 1.

    Attributes:
        stem_filters: int. Channels of the stem.
        hidden_dims: 4 ints. Channels of the stages.
        depths: 4 ints. Blocks of the stages.
        ffn_ratio: float. Hidden channels of the feed-forward networks over
            those of the stage.
        classifier_dropout_rate: float. Before the classifier.
        drop_path_rate: float. Of the last block; it grows linearly from 0.
        dropout_rate: float. Of the attention weights.
        head_filters: int. Of the last 1x1 convolution.
    """

    any_size = False  # each size has tables of position biases of its own

    stem_filters: int
    hidden_dims: tuple
    depths: tuple
    ffn_ratio: float
    drop_path_rate: float
    classifier_dropout_rate: float = 0.1
    dropout_rate: float = 0.0
    head_filters: int = 1280

    @property
    def fingerprint(self):
        """Layer path and (outputs, inputs) of a convolution none else has."""
        return "stage4_embedding/proj", self.hidden_dims[:1:-1]

    def backbone(self, x, output_stride, dropout_rate, drop_path_rate):
        """Return the maps {"stride_2": ..., ..., "stride_32": ...} of `x`.

        Raises:
            ValueError: a size is unknown, or `output_stride` is not 32.
        """
        if None in x.shape[1:3]:
            raise ValueError(
                f"{self.name} needs a known size, for which its tables of "
                "position biases are made; for example "
                f"{(*self.preprocessing.image_size, 3)}. Received: "
                f"input_shape={tuple(x.shape[1:])}"
            )
        if output_stride != 32:
            raise ValueError(
                f"{self.name} has an output stride of 32 only. Received: "
                f"output_stride={output_stride}"
            )
        drop_path_rates = iter(np.linspace(0, drop_path_rate, sum(self.depths)))
        x = CMTStem(self.stem_filters, name="stem")(x)
        features = {"stride_2": x}
        for index, hidden_dim in enumerate(self.hidden_dims):
            stage = f"stage{index + 1}"
            x = PatchEmbedding(hidden_dim, name=f"{stage}_embedding")(x)
            heads, ratio = _NUM_HEADS[index], _SR_RATIOS[index]
            bias = RelativePositionBias(heads, ratio, name=f"{stage}_bias")(x)
            for block in range(self.depths[index]):
                x = CMTBlock(
                    heads,
                    ratio,
                    ffn_dim=int(hidden_dim * self.ffn_ratio),
                    drop_path_rate=float(next(drop_path_rates)),
                    attention_dropout_rate=dropout_rate,
                    name=f"{stage}_{block}",
                )(x, bias)
            features[f"stride_{4 * 2**index}"] = x
        return features

    def head(self, x):
        """Return `x` through the last 1x1 convolution."""
        return ConvNormAct(
            self.head_filters, 1, use_bias=True, name="head_conv"
        )(x)


def _preprocessing(image_size):
    return Preprocessing(
        image_size=(image_size, image_size),
        crop_fraction=image_size / int(256 / 224 * image_size),
        interpolation="bicubic",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )


VARIANTS = (
    CMTVariant(
        name="cmt_ti",
        stem_filters=16,
        hidden_dims=(46, 92, 184, 368),
        depths=(2, 2, 10, 2),
        ffn_ratio=3.6,
        drop_path_rate=0.1,
        parameters=9_492_426,
        gmacs=0.639,
        top1=79.0,
        preprocessing=_preprocessing(160),
    ),
    CMTVariant(
        name="cmt_xs",
        stem_filters=16,
        hidden_dims=(52, 104, 208, 416),
        depths=(3, 3, 12, 3),
        ffn_ratio=3.77,
        drop_path_rate=0.08,
        parameters=15_247_208,
        gmacs=1.547,
        top1=81.8,
        preprocessing=_preprocessing(192),
    ),
    CMTVariant(
        name="cmt_s",
        stem_filters=32,
        hidden_dims=(64, 128, 256, 512),
        depths=(3, 3, 16, 3),
        ffn_ratio=4.0,
        drop_path_rate=0.1,
        parameters=26_256_160,
        gmacs=4.032,
        top1=83.5,
        preprocessing=_preprocessing(224),
    ),
    CMTVariant(
        name="cmt_b",
        stem_filters=38,
        hidden_dims=(76, 152, 304, 608),
        depths=(4, 4, 20, 4),
        ffn_ratio=4.0,
        drop_path_rate=0.25,
        classifier_dropout_rate=0.3,
        parameters=45_715_076,
        gmacs=9.317,
        top1=84.5,
        preprocessing=_preprocessing(256),
    ),
)


def scale_cmt(phi):
    """Return a variant by the paper's compound scaling of CMT-S.

    Guo et al., CVPR 2022, section 3.4: depth grows by 1.2 ** phi, dimension
    by 1.3 ** phi, resolution by 1.15 ** phi, so that the cost grows by about
    2.5 ** phi. The four published variants are rounded otherwise, and are had
    by their names.

    Args:
        phi: float. 0 is CMT-S, below is smaller, above larger.

    Returns:
        CMTVariant, for `keras_mvit.create_model`; its published figures are
        None.

    Raises:
        ValueError: `phi` is not from -8 to 8.

    Example:
        >>> scale_cmt(1).depths
        (4, 4, 19, 4)
    """
    base = VARIANTS[2]
    if not -8 <= phi <= 8:
        raise ValueError(f"`phi` must be from -8 to 8. Received: {phi}")
    # Heads double with the channels, so any first width is divided by them.
    width = round(base.hidden_dims[0] * 1.3**phi)
    image_size = round(224 * 1.15**phi / 32) * 32
    return dataclasses.replace(
        base,
        name=f"cmt_phi_{phi:g}".replace("-", "minus_").replace(".", "_"),
        stem_filters=max(8, round(base.stem_filters * 1.3**phi)),
        hidden_dims=tuple(width * 2**stage for stage in range(4)),
        depths=tuple(round(d * 1.2**phi) for d in base.depths),
        preprocessing=_preprocessing(image_size),
        parameters=None,
        gmacs=None,
        top1=None,
    )

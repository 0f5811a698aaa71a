"""The five down-sampling layers that MobileViT and MobileViTv2 share."""

from keras_mvit.layers import ConvNormAct, InvertedResidual


def pyramid(x, variant, output_stride, make_block):
    """Apply stem and layers 1 to 5.

    With an output stride of 16 or 8 the last strides become 1, and later
    convolutions are dilated instead. A down-sampling inverted residual still
    has its predecessor's dilation, as in the authors' code.

    Args:
        x: tensor (B, H, W, 3).
        variant: row with `stem_filters`, `filters`, `layer2_depth` and
            `expand_ratio`.
        output_stride: int. 32, 16 or 8.
        make_block: callable of (index, dilation_rate, name). Returns the
            transformer block of layer 3, 4 or 5; index 0, 1 or 2.

    Returns:
        dict of tensors: "stride_2" (layer 1) to "stride_32" (layer 5).
    """

    def residual(x, layer, index=0, strides=1, dilation_rate=1):
        return InvertedResidual(
            variant.filters[layer - 1],
            strides,
            variant.expand_ratio,
            dilation_rate,
            name=f"layer{layer}_{index}",
        )(x)

    x = ConvNormAct(variant.stem_filters, strides=2, name="stem")(x)
    x = residual(x, layer=1)
    features = {"stride_2": x}
    for index in range(variant.layer2_depth):
        x = residual(x, layer=2, index=index, strides=1 if index else 2)
    features["stride_4"] = x

    stride, dilation = 4, 1
    for index, layer in enumerate((3, 4, 5)):
        strided = stride < output_stride
        x = residual(
            x, layer, strides=2 if strided else 1, dilation_rate=dilation
        )
        if strided:
            stride *= 2
        else:
            dilation *= 2
        x = make_block(index, dilation, f"layer{layer}_1")(x)
        features[f"stride_{2**layer}"] = x
    return features

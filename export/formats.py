"""The formats of an exported file, as rows of data."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Format:
    """One format of file.

    Args:
        name: str. What users call it and what file names end with.
        algorithm: str or None. Of ai-edge-quantizer; None leaves the float32
            file as it is.
        activation_bits: int or None. Of activations, whose ranges are
            calibrated on images; None leaves them float32.
        integer_only: bool. Whether no operator may compute in float32.
        float_ops: tuple of str. Operators that stay float32.
        max_rms_diff: float. Most noise in the logits: the root mean square of
            their differences from Keras, in standard deviations of Keras'.
        min_agreement: float. Least share of test images with Keras' class.
        max_top1_drop: float. Most of Keras' top-1 that may be lost.
        max_relative_diff: float or None. Most that any logit may differ, in
            the same unit. Only for float32: the largest of many rounding
            errors grows with their number.
    """

    name: str
    algorithm: str | None
    activation_bits: int | None
    integer_only: bool
    float_ops: tuple
    max_rms_diff: float
    min_agreement: float
    max_top1_drop: float
    max_relative_diff: float | None = None

    @property
    def is_float(self):
        """Whether weights and activations are floating-point numbers."""
        return self.algorithm in (None, CAST)

    def check_types(self, types):
        """Raises `ValueError` if a file cannot take or return such a type."""
        possible = TYPES if self.activation_bits == 8 else TYPES[:1]
        for dtype in types:
            if dtype not in possible:
                raise ValueError(
                    f"Format {self.name!r} takes and returns no {dtype}, only"
                    f" {', '.join(possible)}"
                )


TYPES = ("float32", "uint8", "int8")
CAST, MIN_MAX = "float_casting", "min_max_uniform_quantize"

FORMATS = {
    row.name: row
    for row in [
        Format("float32", None, None, False, (), 1e-4, 0.99, 0.005, 1e-3),
        Format("float16", CAST, None, False, (), 0.0075, 0.98, 0.01),
        # XNNPACK has no depthwise kernel for float activations and int8
        # weights.
        Format(
            "dynamic", MIN_MAX, None, False, ("DEPTHWISE_CONV_2D",),
            0.15, 0.9, 0.02,
        ),
        # XNNPACK has no int8 softmax, and the range of exponentials suits no
        # 8 bits; nor has it a GELU, or a ReLU fused to no convolution. A
        # concatenation would force one scale on its inputs; it becomes int8
        # afterwards (`integer_concatenation`).
        Format(
            "int8", MIN_MAX, 8, False,
            ("SOFTMAX", "GELU", "RELU", "CONCATENATION"),
            0.25, 0.8, 0.05,
        ),
        Format("int8_full", MIN_MAX, 8, True, (), 0.25, 0.8, 0.05),
        Format("int16x8", MIN_MAX, 16, True, (), 0.15, 0.9, 0.02),
    ]
}  # fmt: skip
DEFAULT_FORMATS = ("float32", "float16", "dynamic", "int8")


def get_formats(names, types=TYPES[:1]):
    """Returns the rows of formats.

    Args:
        names: list of str, or one.
        types: tuple of str. What their files should take and return.

    Raises:
        ValueError: an unknown format, or one that cannot have such types.
    """
    if isinstance(names, str):
        names = [names]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise ValueError(
            f"Unknown formats: {', '.join(unknown) or 'none given'}. Known"
            f" formats: {', '.join(FORMATS)}"
        )
    rows = [FORMATS[name] for name in dict.fromkeys(names)]
    for row in rows:
        row.check_types(types)
    return rows

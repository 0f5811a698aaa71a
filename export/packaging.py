"""The last step of an export: what an app needs, put into the file."""

import dataclasses
import importlib.metadata

import numpy as np

from keras_mvit.export import (
    convert,
    flatbuffer,
    formats,
    metadata,
    packing,
)
from keras_mvit.export.interpret import LiteRTModel

OUTPUTS = (convert.OUTPUT_NAME, "probabilities")
# Of a probability; the softmax of LiteRT is approximate.
_MAX_DIFF = 1e-5


@dataclasses.dataclass(frozen=True)
class Presentation:
    """How files present themselves to an app.

    Args:
        output: str. One of `OUTPUTS`; `probabilities` appends a softmax.
        author: str. For the metadata.
        version: str. Of the model, for the metadata.
        input_type: str. One of `formats.TYPES`.
        output_type: str. The same.

    Raises:
        ValueError: an unknown output or type, or probabilities that are not
            float32.
    """

    output: str = OUTPUTS[0]
    author: str = "keras-mvit"
    version: str = "1"
    input_type: str = formats.TYPES[0]
    output_type: str = formats.TYPES[0]

    def __post_init__(self):
        if self.output not in OUTPUTS:
            raise ValueError(
                f"output is {self.output!r}; expected one of"
                f" {', '.join(OUTPUTS)}"
            )
        for dtype in self.types:
            if dtype not in formats.TYPES:
                raise ValueError(
                    f"input_type and output_type are {self.types}; expected"
                    f" {', '.join(formats.TYPES)}"
                )
        if self.output != OUTPUTS[0] and self.output_type != "float32":
            raise ValueError(
                f"output is {self.output!r} and output_type"
                f" {self.output_type!r}; only logits can be of integers"
            )

    @property
    def types(self):
        """What the files take and return, a tuple of two str."""
        return self.input_type, self.output_type


LOGITS = Presentation()


def check_formats(rows, presentation):
    """Finds probabilities that a format has no softmax for.

    Args:
        rows: list of formats.Format.
        presentation: Presentation.

    Raises:
        ValueError: probabilities of a format of integers only, of which the
            softmax would be float32.
    """
    for row in rows:
        if row.integer_only and presentation.output != convert.OUTPUT_NAME:
            raise ValueError(
                f"output is {presentation.output!r}, of a float32 softmax, and"
                f" format {row.name!r} is integer only; expected output"
                f" {convert.OUTPUT_NAME!r}"
            )


def check(content, presentation):
    """Finds probabilities that would say nothing.

    Args:
        content: bytes. The float32 LiteRT file.
        presentation: Presentation.

    Raises:
        ValueError: probabilities are asked for, and the model returns some,
            or a single logit.
    """
    if presentation.output == convert.OUTPUT_NAME:
        return
    last = flatbuffer.operators(content)[-1].name
    if last in ("SOFTMAX", "LOGISTIC"):
        raise ValueError(
            f"output is {presentation.output!r}, and the model returns such"
            f" already: its last operator is {last}. Expected a model that"
            f" returns logits, or output {convert.OUTPUT_NAME!r}, which changes"
            " nothing"
        )
    (returned,) = flatbuffer.outputs(content)
    if returned.shape[-1] == 1:
        raise ValueError(
            f"output is {presentation.output!r}, and the model returns one"
            " logit, whose softmax is always 1; expected output"
            f" {convert.OUTPUT_NAME!r}"
        )


def package(content, source, format_name, presentation):
    """Adds output, metadata and labels to a file that is done otherwise.

    To be done last: the quantizer drops the labels.

    Args:
        content: bytes. A LiteRT file that returns logits.
        source: Source. What it was made from.
        format_name: str.
        presentation: Presentation.

    Returns:
        bytes.

    Raises:
        ValueError: it does not give the answers of `content` any more.
    """
    model = packing.unpack(content)
    if presentation.output != convert.OUTPUT_NAME:
        packing.append_softmax(model, presentation.output)
    about = _metadata(source, format_name, presentation)
    packaged = metadata.attach(model, about)
    _verify(packaged, content, source.preprocessing, presentation)
    return packaged


def _metadata(source, format_name, presentation):
    height, width = source.preprocessing.image_size
    maker = f"keras-mvit {importlib.metadata.version('keras-mvit')}"
    return metadata.Metadata(
        name=source.name,
        description=(
            f"Image classifier, {height} x {width} pixels, {format_name}; made"
            f" by {maker}"
        ),
        version=presentation.version,
        author=presentation.author,
        input_name=convert.INPUT_NAME,
        output_name=presentation.output,
        image_size=(height, width),
        # Of pixels from 0 to 255, where preprocessing has them from 0 to 1.
        mean=tuple(255 * value for value in source.preprocessing.mean),
        std=tuple(255 * value for value in source.preprocessing.std),
        is_rgb=source.preprocessing.channel_order == "rgb",
        labels=source.labels,
    )


def _verify(packaged, content, preprocessing, presentation):
    """Runs both files on an image of noise."""
    noise = np.random.default_rng(0).random(
        (1, *preprocessing.image_size, 3), np.float32
    )
    expected = LiteRTModel(content).predict(noise)
    answer = LiteRTModel(packaged).predict(noise)
    if presentation.output != convert.OUTPUT_NAME:
        expected = _softmax(expected)
    difference = float(np.abs(answer - expected).max())
    scale = max(1.0, float(np.abs(expected).max()))
    if not difference <= _MAX_DIFF * scale:
        raise ValueError(
            f"with metadata it answers differently, by {difference:.3g}"
        )


def _softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)

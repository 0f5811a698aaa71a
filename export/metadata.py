"""What an app must know about a LiteRT file, in the file itself.

Task libraries of Android (MediaPipe, TensorFlow Lite Task Library) read it to
scale images and to name classes. The layout is that of
mediapipe/tasks/metadata/metadata_schema.fbs, whose own Python writer needs
all of MediaPipe: a flatbuffer `ModelMetadata` under the name
`TFLITE_METADATA`, and labels.txt in a ZIP archive behind the file.
"""

import dataclasses
import io
import zipfile

from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing, tables
from keras_mvit.export.tables import float_vector, uint32

LABELS_FILE = "labels.txt"
_ENTRY = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"
# Of all that is written here; later versions of the schema added other things.
_MIN_PARSER_VERSION = "1.0.0"
_IMAGE_PROPERTIES, _NORMALIZATION_OPTIONS = 2, 1  # members of unions
_RGB, _TENSOR_AXIS_LABELS = 1, 2  # members of enumerations


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What an app must know about a LiteRT file.

    Args:
        name: str. Of the model.
        description: str.
        version: str. Of the model.
        author: str.
        input_name: str.
        output_name: str.
        image_size: (int, int). Height and width, pixels.
        mean: tuple of float. Subtracted from pixels of 0 to 255, a channel
            each.
        std: tuple of float. Divided by then.
        is_rgb: bool. The order of the channels; False: BGR, for which the
            schema has no word.
        labels: tuple of str, or None. Class names, in the output's order.
    """

    name: str
    description: str
    version: str
    author: str
    input_name: str
    output_name: str
    image_size: tuple
    mean: tuple
    std: tuple
    is_rgb: bool = True
    labels: tuple | None = None


def attach(model, metadata):
    """Writes metadata into a model from `packing.unpack`.

    Args:
        model: schema.ModelT. Changed in place.
        metadata: Metadata.

    Returns:
        bytes: the finished file, with labels.txt behind it.
    """
    data = tables.pack(_model_table(metadata), _IDENTIFIER)
    entry = schema.MetadataT(_ENTRY, packing.add_buffer(model, data))
    others = [e for e in model.metadata or [] if e.name != _ENTRY]
    model.metadata = [*others, entry]
    content = io.BytesIO()
    content.write(packing.pack(model))
    if metadata.labels is not None:
        text = "".join(f"{label}\n" for label in metadata.labels)
        with zipfile.ZipFile(content, "a") as archive:
            # A fixed date, so that equal exports are equal files.
            archive.writestr(zipfile.ZipInfo(LABELS_FILE), text)
    return content.getvalue()


def read(content):
    """Reads what `attach` wrote.

    Args:
        content: bytes. A LiteRT file.

    Returns:
        Metadata, or None if the file has none.

    Raises:
        ValueError: not a LiteRT file, or its metadata are not of an image
            classifier, or damaged.
    """
    model = packing.unpack(content)
    for entry in model.metadata or ():
        if entry.name == _ENTRY:
            try:
                return _read(model.buffers[entry.buffer].data, content)
            except Exception as error:  # struct and zip errors of a cut file
                raise ValueError(
                    f"its metadata cannot be read: {error!r}"
                ) from error
    return None


def _model_table(metadata):
    """Returns a ModelMetadata; the numbers are those of the schema's fields."""
    returned = {0: metadata.output_name}
    if metadata.labels is not None:
        returned[6] = [{0: LABELS_FILE, 2: _TENSOR_AXIS_LABELS}]
    return {
        0: metadata.name,
        1: metadata.description,
        2: metadata.version,
        3: [{2: [_input_table(metadata)], 3: [returned]}],
        4: metadata.author,
        7: _MIN_PARSER_VERSION,
    }


def _input_table(metadata):
    height, width = metadata.image_size
    image = {1: {0: uint32(width), 1: uint32(height)}}
    if metadata.is_rgb:
        image[0] = _RGB
    scaling = {0: float_vector(metadata.mean), 1: float_vector(metadata.std)}
    return {
        0: metadata.input_name,
        3: {0: _IMAGE_PROPERTIES, 1: image},
        4: [{0: _NORMALIZATION_OPTIONS, 1: scaling}],
    }


def _read(data, content):
    model = tables.unpack(bytes(data), _IDENTIFIER)
    graph = model.tables(3)[0]
    taken, returned = graph.tables(2)[0], graph.tables(3)[0]
    image = taken.table(3).table(1)
    size = image.table(1)
    normalization = taken.tables(4)[0].table(1)
    labels = None
    if returned.tables(6):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = returned.tables(6)[0].text(0)
            labels = tuple(archive.read(name).decode().split("\n")[:-1])
    return Metadata(
        name=model.text(0),
        description=model.text(1),
        version=model.text(2),
        author=model.text(4),
        input_name=taken.text(0),
        output_name=returned.text(0),
        image_size=(size.uint32(1), size.uint32(0)),
        mean=normalization.floats(0),
        std=normalization.floats(1),
        is_rgb=image.uint8(0) == _RGB,
        labels=labels,
    )

"""What must hold for a file before anyone gets it."""

import numpy as np

from keras_mvit.export import flatbuffer
from keras_mvit.export.interpret import LiteRTModel

FLOAT = ("float32", "float32")


def check(content, image_size, num_outputs, types=FLOAT):
    """Checks that a phone can run a LiteRT file, by running it here.

    Args:
        content: bytes. The file.
        image_size: (int, int). Height and width it should take, in pixels.
        num_outputs: int. Length of the vector it should return.
        types: (str, str). What it should take and return.

    Returns:
        LiteRTModel, loaded.

    Raises:
        ValueError: the file holds custom or Flex ops, is not static with
            batch 1 and images of its type, cannot be run, or returns something
            else than finite (1, num_outputs).
    """
    foreign = {
        op.name for op in flatbuffer.operators(content) if not op.is_builtin
    }
    if foreign:
        raise ValueError(
            f"it holds ops that are not LiteRT builtins: {sorted(foreign)}"
        )
    model = LiteRTModel(content)
    _expect("takes", model.inputs, (1, *image_size, 3), types[0])
    _expect("returns", model.outputs, (1, num_outputs), types[1])
    output = model.predict(np.zeros((1, *image_size, 3), np.float32))
    if not np.isfinite(output).all():
        raise ValueError(f"it returns {output[0][:5]}... for a black image")
    return model


def _expect(verb, tensors, shape, dtype):
    found = [
        (tuple(int(n) for n in t["shape_signature"]), t["dtype"].__name__)
        for t in tensors
    ]
    if found != [(shape, dtype)]:
        raise ValueError(
            f"it {verb} {found}; expected one {dtype} tensor {shape}"
        )

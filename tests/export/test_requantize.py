import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mvit.export import (
    convert,
    flatbuffer,
    formats,
    packing,
    quantize,
    requantize,
)
from keras_mvit.export.interpret import LiteRTModel

ROW = formats.FORMATS["int8"]


def _file(products):
    """A float32 file that multiplies projections of the pixels."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    query, key = (layers.Conv2D(16, 1)(image) for _ in range(2))
    tokens = [ops.reshape(x, (-1, 64, 16)) for x in (query, key)]
    return convert.to_float32(keras.Model(image, products(*tokens)), (8, 8))


def _once(query, key):
    return layers.Flatten()(ops.matmul(ops.transpose(query, (0, 2, 1)), key))


def _also_added(query, key):
    product = ops.matmul(ops.transpose(query, (0, 2, 1)), key)
    return layers.Flatten()(product) + ops.mean(query)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return random.uniform(0.2, 1.0, (20, 8, 8, 3)).astype(np.float32)


def _steps(content):
    """How many QUANTIZE there are between integers."""
    return sum(
        op.name == "QUANTIZE" and op.inputs[0].dtype != "float32"
        for op in flatbuffer.operators(content)
    )


def _with_and_without(float32, images):
    folded = quantize.quantize_file(float32, ROW, images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requantize, "fold", lambda model: None)
        return folded, quantize.quantize_file(float32, ROW, images)


def test_projections_round_to_the_scale_of_the_product(images):
    float32 = _file(_once)
    folded, plain = _with_and_without(float32, images)
    assert (_steps(folded), _steps(plain)) == (0, 3)
    assert len(folded) < len(plain)
    expected = LiteRTModel(float32).predict(images)
    errors = [
        np.square(LiteRTModel(content).predict(images) - expected).mean()
        for content in (folded, plain)
    ]
    assert errors[0] < 1.05 * errors[1] < 1e-3 * expected.var()


def test_what_others_use_keeps_its_scale(images):
    folded, plain = _with_and_without(_file(_also_added), images)
    assert (_steps(folded), _steps(plain)) == (1, 3)


def test_files_without_such_steps_stay_as_they_are(exported):
    content = (exported[0] / "small_float16.tflite").read_bytes()
    model = packing.unpack(content)
    requantize.fold(model)
    assert packing.pack(model) == packing.pack(packing.unpack(content))

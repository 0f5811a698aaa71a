import flatbuffers
import numpy as np
import pytest

from keras_mvit.export import flatbuffer, packing
from keras_mvit.export.interpret import LiteRTModel
from tests.export.broken_files import (
    convert_function,
    pooled,
    with_int8_softmax,
)
from tests.export.conftest import FORMATS


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_survives(exported, file_format):
    content = (exported[0] / f"small_{file_format}.tflite").read_bytes()
    again = packing.pack(packing.unpack(content))
    assert flatbuffer.operators(again) == flatbuffer.operators(content)
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    expected, model = LiteRTModel(content), LiteRTModel(again)
    np.testing.assert_array_equal(
        model.predict(images), expected.predict(images)
    )
    assert model.num_partitions == expected.num_partitions


def test_constants_are_aligned():
    data = bytes(range(37))
    model = packing.unpack(convert_function(pooled))
    for _ in range(3):
        packing.add_buffer(model, data)
    content = packing.pack(model)
    places = [
        place
        for place in range(len(content))
        if content.startswith(data, place)
    ]
    assert len(places) == 3
    assert all(place % 16 == 0 for place in places)


def test_constants_behind_the_flatbuffer_are_taken_in():
    scale = np.float32([1, 2, 3])
    plain = flatbuffer.read_model(convert_function(lambda x: x * scale))
    for buffer in plain.buffers:
        if buffer.data is not None and bytes(buffer.data) == scale.tobytes():
            buffer.data, buffer.offset, buffer.size = None, 1 << 20, 12
    builder = flatbuffers.Builder(1024)
    builder.Finish(plain.Pack(builder), file_identifier=b"TFL3")
    content = bytes(builder.Output()).ljust(1 << 20, b"\0") + scale.tobytes()
    again = packing.pack(packing.unpack(content))
    assert len(again) < 1 << 20
    assert scale.tobytes() in again


def test_softmax():
    content = convert_function(pooled)
    model = packing.unpack(content)
    packing.append_softmax(model, "probabilities")
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    logits = LiteRTModel(content).predict(images)
    file = LiteRTModel(packing.pack(model))
    powers = np.exp(logits)
    np.testing.assert_allclose(
        file.predict(images), powers / powers.sum(-1, keepdims=True), rtol=1e-5
    )
    assert file.num_partitions == 1


def test_softmax_of_integers():
    with pytest.raises(ValueError, match="float32 logits, got INT8"):
        packing.append_softmax(packing.unpack(with_int8_softmax()), "p")

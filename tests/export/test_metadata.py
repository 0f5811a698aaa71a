import dataclasses
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.export import metadata, packing
from keras_mvit.export.interpret import LiteRTModel
from tests.export.broken_files import convert_function, pooled

ABOUT = metadata.Metadata(
    name="small",
    description="Three means",
    version="2.1",
    author="A. N. Other",
    input_name="image",
    output_name="logits",
    image_size=(8, 16),
    mean=(0.0, 127.5, 3.0),
    std=(255.0, 127.5, 1.0),
    labels=("red", "grün", "blue"),
)
_LINE = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))


@pytest.fixture(scope="module")
def content():
    return convert_function(pooled)


def _attach(content, about=ABOUT):
    return metadata.attach(packing.unpack(content), about)


def test_what_is_written_is_read(content):
    assert metadata.read(content) is None
    assert metadata.read(_attach(content)) == ABOUT
    bare = dataclasses.replace(ABOUT, labels=None, is_rgb=False)
    assert metadata.read(_attach(content, bare)) == bare


@settings(max_examples=30, deadline=None)
@given(
    name=_LINE,
    labels=st.lists(_LINE, max_size=4),
    size=st.tuples(*[st.integers(1, 2**32 - 1)] * 2),
    std=st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3),
)
def test_any_text_and_number(content, name, labels, size, std):
    about = dataclasses.replace(
        ABOUT,
        name=name,
        labels=tuple(labels),
        image_size=size,
        std=tuple(std),
    )
    assert metadata.read(_attach(content, about)) == about


def test_written_twice_is_there_once(content):
    other = dataclasses.replace(ABOUT, name="other")
    twice = _attach(_attach(content), other)
    assert metadata.read(twice) == other
    names = [entry.name for entry in packing.unpack(twice).metadata]
    assert names.count(b"TFLITE_METADATA") == 1


def test_labels_are_a_zip_archive_behind_the_model(content):
    attached = _attach(content)
    with zipfile.ZipFile(io.BytesIO(attached)) as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode() == "red\ngrün\nblue\n"
    assert attached == _attach(content)


def test_the_file_answers_as_before(content):
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    expected = LiteRTModel(content).predict(images)
    answers = LiteRTModel(_attach(content)).predict(images)
    np.testing.assert_array_equal(answers, expected)


def test_labels_that_are_gone(content):
    attached = _attach(content)
    with pytest.raises(ValueError, match="metadata cannot be read.*zip"):
        metadata.read(attached[: attached.index(b"PK\x03\x04")])


def test_other_metadata_than_of_an_image(content):
    model = packing.unpack(_attach(content))
    (entry,) = [e for e in model.metadata if e.name == b"TFLITE_METADATA"]
    model.buffers[entry.buffer].data = b"\0\0\0\0M999" + bytes(64)
    with pytest.raises(ValueError, match="expected the mark b'M001'"):
        metadata.read(packing.pack(model))

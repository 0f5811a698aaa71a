import hashlib
import os

import pytest

from keras_mvit.export.latency.model_files import describe, find_models
from tests.export.latency import tiny_file


def test_finding_models(tmp_path):
    int8_file, file = (
        tiny_file.write(tmp_path / f"small_{name}.tflite", name)
        for name in ("dynamic", "float32")
    )
    folder = str(tmp_path)
    assert find_models([folder]) == [file, int8_file]
    assert find_models([f"{folder}/*_dynamic.tflite"]) == [int8_file]
    assert find_models([int8_file, folder]) == [int8_file, file]
    os.mkdir(tmp_path / "empty")
    for nothing in (["nowhere.tflite"], [str(tmp_path / "empty")], []):
        with pytest.raises(ValueError, match="no LiteRT file|No models"):
            find_models(nothing)


def test_description(tmp_path):
    path = tmp_path / "small_int8.tflite"
    file = describe(tiny_file.write(path, "any"))
    assert file.fields() == {
        "model": "small_int8",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "size_bytes": path.stat().st_size,
    }


@pytest.mark.parametrize("content", [None, b"", b"hello world, I am text"])
def test_another_file_is_named(tmp_path, content):
    path = tmp_path / "foreign.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="foreign.tflite"):
        describe(str(path))

import hashlib
import os

import pytest

from keras_mvit.export.latency.model_files import (
    describe,
    describe_all,
    find_models,
)
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


def test_files_of_one_name_are_told_by_their_folders(tmp_path):
    paths = []
    for place in ("a/x/small", "b/x/small", "b/y/small", "b/y/other"):
        path = tmp_path / f"{place}.tflite"
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.append(tiny_file.write(path, place))
    again = os.path.join(str(tmp_path), "a", "..", "a", "x", "small.tflite")
    files = describe_all([*paths, again])
    assert [file.name for file in files] == [
        "a/x/small", "b/x/small", "y/small", "other"
    ]  # fmt: skip
    assert [os.path.realpath(file.path) for file in files] == paths
    assert describe_all(paths[0])[0].name == "small"

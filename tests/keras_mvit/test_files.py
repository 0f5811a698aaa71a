import errno
import json
import os

import pytest

from keras_mvit.files import replacing, write_json, write_text


def test_replaces(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    write_text(path, "two")
    assert path.read_text() == "two"
    assert os.listdir(path.parent) == ["a.txt"]


def test_json(tmp_path):
    write_json(tmp_path / "a.json", {"key": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"key": [1, 2]}


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "disk full"), KeyboardInterrupt()]
)
def test_a_failure_leaves_the_previous_version(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("whole")
    with pytest.raises(type(error)):
        with replacing(path) as partial:
            with open(partial, "w") as file:
                file.write("ha")
            assert path.read_text() == "whole"
            raise error
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_partial_file_keeps_the_extension(tmp_path):
    with replacing(tmp_path / "model.keras") as partial:
        assert partial.endswith(".keras")
        write_text(partial, "")

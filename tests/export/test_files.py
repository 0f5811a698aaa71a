import os

import pytest

from keras_mvit.export import files


def test_moves_all_files(tmp_path):
    with files.staged(tmp_path / "new" / "folder") as stage:
        with open(os.path.join(stage, "a"), "w") as file:
            file.write("text")
    assert os.listdir(tmp_path / "new" / "folder") == ["a"]


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError):
        with files.staged(tmp_path) as stage:
            with open(os.path.join(stage, "a"), "w") as file:
                file.write("half")
            raise RuntimeError
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_failed_rename_leaves_no_half_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(tmp_path / "a", "text")
    assert os.listdir(tmp_path) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="Cannot write to output_dir"):
        with files.staged(tmp_path / "a"):
            pass

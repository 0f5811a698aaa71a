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


def test_a_folder_in_the_way_of_a_file(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match="b is a folder, and shall be a file"):
        with files.staged(tmp_path, ["a"]) as stage:
            for name in "abc":
                with open(os.path.join(stage, name), "w") as file:
                    file.write("new")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert (tmp_path / "a").read_text() == "old"


def test_what_is_obsolete_goes_at_the_end(tmp_path):
    (tmp_path / "a").write_text("old")
    with files.staged(tmp_path, ["a", "never"]) as stage:
        with open(os.path.join(stage, "b"), "w") as file:
            file.write("new")
        assert (tmp_path / "a").exists()
    assert os.listdir(tmp_path) == ["b"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="Cannot write to output_dir"):
        with files.staged(tmp_path / "a"):
            pass

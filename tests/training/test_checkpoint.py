import os

import keras
import numpy as np
import pytest

from keras_mvit.training.checkpoint import (
    CURRENT,
    DAMAGED,
    PREVIOUS,
    Checkpoints,
)


def make_variables(value=0.0, shape=(20,)):
    return {
        "model/kernel": keras.Variable(np.full(shape, value), dtype="float32"),
        "optimizer/step": keras.Variable(int(value), dtype="int64"),
    }


def set_all(variables, value):
    for variable in variables.values():
        variable.assign(np.full(variable.shape, value))


@pytest.fixture
def two_epochs(tmp_path):
    variables = make_variables()
    checkpoints = Checkpoints(str(tmp_path), variables)
    for epoch in (1, 2):
        set_all(variables, epoch)
        checkpoints.save({"epoch": epoch}, epoch)
    return tmp_path


def restore(folder, variables=None):
    variables = variables or make_variables()
    progress = Checkpoints(str(folder), variables).restore()
    values = {float(np.mean(v)) for v in variables.values()}
    return progress and progress["epoch"], values


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(2).tobytes() * 3) + 5] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def test_nothing_to_restore(tmp_path):
    assert restore(tmp_path) == (None, {0.0})


def test_restores_the_newest(two_epochs):
    assert restore(two_epochs) == (2, {2.0})
    assert sorted(os.listdir(two_epochs)) == [CURRENT, PREVIOUS]


@pytest.mark.parametrize("damage", [cut_in_half, flip_a_bit, empty])
def test_falls_back_to_the_previous_one(two_epochs, damage, capsys):
    damage(two_epochs / CURRENT)
    assert restore(two_epochs) == (1, {1.0})
    output = capsys.readouterr().out
    assert f"cannot read {two_epochs / CURRENT}" in output
    # Kept, and never to take the good one's place.
    assert sorted(os.listdir(two_epochs)) == [DAMAGED, PREVIOUS]
    Checkpoints(str(two_epochs), make_variables(2.0)).save({"epoch": 2}, 2)
    assert restore(two_epochs) == (2, {2.0})
    os.remove(two_epochs / CURRENT)
    assert restore(two_epochs) == (1, {1.0})


def test_killed_between_the_two_renames(two_epochs):
    os.replace(two_epochs / CURRENT, two_epochs / PREVIOUS)
    assert restore(two_epochs) == (2, {2.0})


def test_both_damaged(two_epochs):
    cut_in_half(two_epochs / CURRENT)
    cut_in_half(two_epochs / PREVIOUS)
    with pytest.raises(ValueError, match="Nothing was changed") as error:
        restore(two_epochs)
    assert CURRENT in str(error.value) and PREVIOUS in str(error.value)
    assert sorted(os.listdir(two_epochs)) == [CURRENT, PREVIOUS]


def test_of_another_model(two_epochs):
    with pytest.raises(ValueError, match=r"model/kernel: \(21,\) needed"):
        restore(two_epochs, make_variables(shape=(21,)))
    other = make_variables()
    other["optimizer/momentum"] = other.pop("optimizer/step")
    with pytest.raises(ValueError, match="2 variables differ"):
        restore(two_epochs, other)


def test_a_full_disk_destroys_nothing(two_epochs, monkeypatch):
    def no_space(path, **arrays):
        with open(path, "wb") as file:
            file.write(b"PK")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", no_space)
    with pytest.raises(OSError, match="No space"):
        Checkpoints(str(two_epochs), make_variables(3.0)).save({"epoch": 3}, 3)
    assert restore(two_epochs) == (2, {2.0})

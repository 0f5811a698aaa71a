import os

import pytest

from keras_mvit.training.dry_run import dry_run
from tests.training.conftest import make_settings

pytestmark = pytest.mark.usefixtures("tiny_model")


def test_says_what_would_be_done_and_writes_nothing(
    tmp_path, image_folder, capsys
):
    settings = make_settings(
        tmp_path, epochs=8, batch_size=8, device_batch_size=4, model="cmt_ti"
    )
    dry_run(settings)
    output = capsys.readouterr().out
    assert "cmt_ti on folder:" in output
    assert "Recipe finetune" in output and "batch_size=8" in output
    assert "2 of them an update" in output
    # 12 images in batches of 4, eight times.
    assert ["8", "24"] in [line.split()[:2] for line in output.splitlines()]
    assert "Memory, estimated: " in output
    assert "Trained 2 steps: loss " in output
    assert "24 such steps" in output
    assert os.listdir(tmp_path) == ["images"]


def test_bad_settings_end_before_anything(tmp_path, image_folder):
    with pytest.raises(ValueError, match="must together be at most epochs"):
        dry_run(make_settings(tmp_path, epochs=1, cooldown_epochs=1))

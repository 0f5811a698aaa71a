import dataclasses
import os

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from keras_mvit.training import evaluate_workdir
from keras_mvit.training.history import COLUMNS
from keras_mvit.training.run import prepare
from keras_mvit.training.summary import thin, write_summary
from keras_mvit.training.workdir import WorkDirectory


def make_history(top1s):
    return [
        {
            **dict.fromkeys(COLUMNS, 0.5),
            "epoch": epoch,
            "learning_rate": 2e-3 / epoch,
            "val_top1": top1,
            "seconds": 100.0,
        }
        for epoch, top1 in enumerate(top1s, 1)
    ]


def summarize(settings, history):
    evaluation = evaluate_workdir(settings.workdir)
    workdir = WorkDirectory(settings.workdir)
    settings = dataclasses.replace(settings, epochs=len(history))
    write_summary(workdir, prepare(settings)[0], history, evaluation)
    with Image.open(workdir.file("curves.png")) as image:
        assert image.width > 1000
    with open(workdir.file("summary.md")) as file:
        return file.read()


def test_a_summary_of_a_real_run(run_of_two_epochs):
    settings, history = run_of_two_epochs
    text = summarize(settings, history)
    for words in (
        "# mobilevit_xxs on folder:",
        f"epoch 2 | {history[-1]['val_top1']:.2%} |",
        "Of 4 test images, at 32 px",
        "12 training and 4 test images, 2 classes",
        "- Differs: ",
        "batch_size=4",
        "| cat | 2 | ",
        f"--workdir={settings.workdir} --weights=best",
        "tensorflow 2.",
    ):
        assert words in text
    for name in ("curves.png", "confusion.png"):
        assert f"({name})" in text
        assert os.path.exists(os.path.join(settings.workdir, name))


def test_a_summary_of_many_epochs(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    text = summarize(settings, make_history([0.25] * 40 + [0.75] + [0.5] * 59))
    assert "`best.keras`, epoch 41 | 75.00% | 30.06% to 95.44% |" in text
    assert "that flatters it" in text
    assert "2 h 46 min of training" in text
    table = text.partition("## Epochs")[2].partition("##")[0]
    assert 25 < len(table.strip().splitlines()) - 2 <= 30
    assert "| 41 |" in table


def test_the_best_is_not_told_twice(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    (row,) = make_history([0.5])
    text = summarize(settings, [{**row, "learning_rate": 0.0}])
    assert "`best.keras`, epoch" not in text and "flatters" not in text


@given(st.integers(1, 200), st.integers(0, 199), st.integers(3, 40))
def test_thinning_keeps_first_best_and_last(epochs, best, max_rows):
    top1s = [0.5] * epochs
    top1s[best % epochs] = 0.75
    history = make_history(top1s)
    rows = thin(history, max_rows)
    assert len(rows) <= max_rows or len(rows) == len(history)
    kept = [row["epoch"] for row in rows]
    assert kept == sorted(set(kept))
    assert kept[0] == 1 and kept[-1] == epochs
    assert 0.75 in [row["val_top1"] for row in rows]

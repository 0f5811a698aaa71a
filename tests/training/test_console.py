import subprocess
import sys

import pytest

from keras_mvit.training.console import friendly, import_tensorflow_quietly


def fail_with(error):
    def main(argv):
        raise error

    return friendly(main)


@pytest.mark.parametrize(
    "error", [ValueError("epochs is 0"), OSError("epochs is 0")]
)
def test_bad_input_ends_in_one_line(error, capfd):
    with pytest.raises(SystemExit) as exit_:
        fail_with(error)(["train"])
    assert exit_.value.code == 1
    assert capfd.readouterr().err == "Error: epochs is 0\n"


def test_control_c(capfd):
    with pytest.raises(SystemExit) as exit_:
        fail_with(KeyboardInterrupt())(["train"])
    assert exit_.value.code == 130
    assert "The same command resumes" in capfd.readouterr().err


def test_bugs_keep_their_traceback():
    with pytest.raises(TypeError, match="a bug"):
        fail_with(TypeError("a bug"))(["train"])


def test_standard_error_is_given_back(capfd):
    import_tensorflow_quietly()
    print("still here", file=sys.stderr)
    assert "still here" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_flags_need_no_tensorflow(command):
    """So that it can be imported quietly."""
    program = (
        "import sys, types\n"
        "sys.modules['keras_mvit'] = types.ModuleType('keras_mvit')\n"
        "sys.modules['keras_mvit'].__path__ = []\n"
        f"import keras_mvit.training.{command}\n"
        "assert 'tensorflow' not in sys.modules\n"
        "import_tensorflow = keras_mvit.training.console\n"
        "import_tensorflow.import_tensorflow_quietly()\n"
        "assert 'tensorflow' in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--dataset=mnist"], "Unknown data set 'mnist'; accepted are digits"),
        (["--model=resnet"], "Unknown model 'resnet'"),
        (["--crop_scale=0.5"], "crop_scale must be two numbers"),
    ],
)
def test_train_refuses_bad_flags(flags, words, tmp_path):
    result = train("keras_mvit.training.train", tmp_path / "run", *flags)
    assert result.returncode == 1
    assert words in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def train(module, workdir, *flags):
    return subprocess.run(
        [sys.executable, "-m", module, f"--workdir={workdir}", *flags],
        capture_output=True,
        text=True,
    )

import re
import signal
import subprocess
import sys

import pytest

from keras_mvit.console import friendly, import_keras_quietly


def fail_with(error):
    def main(argv):
        raise error

    return friendly(main, "The same command resumes.")


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


def test_sigterm_cleans_up(tmp_path):
    code = (
        "import sys, tempfile, time\n"
        "from keras_mvit.console import friendly\n"
        "def main(argv):\n"
        f"    with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "friendly(main)(['command'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 143
    assert error.endswith("\nInterrupted. Nothing was written.\n")
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_sigterm_of_others_is_theirs():
    def theirs(number, frame):
        raise AssertionError

    seen = []

    def look(argv):
        seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.signal(signal.SIGTERM, theirs)
    try:
        friendly(look)(["train"])
        assert signal.getsignal(signal.SIGTERM) is theirs
    finally:
        signal.signal(signal.SIGTERM, before)
    friendly(look)(["train"])
    assert seen[0] is theirs and seen[1] is not theirs
    assert signal.getsignal(signal.SIGTERM) == before


def test_bugs_keep_their_traceback():
    with pytest.raises(TypeError, match="a bug"):
        fail_with(TypeError("a bug"))(["train"])


def test_standard_error_is_given_back(capfd):
    import_keras_quietly()
    print("still here", file=sys.stderr)
    assert "still here" in capfd.readouterr().err


def test_stray_arguments_are_bad_input(capfd):
    with pytest.raises(SystemExit):
        friendly(print)(["train", "epochs=3"])
    assert "Unexpected arguments: epochs=3" in capfd.readouterr().err


@pytest.mark.parametrize(
    "module",
    [
        "keras_mvit.training.train",
        "keras_mvit.training.evaluate",
        "keras_mvit.export.export_tflite",
        "keras_mvit.export.measure_latency",
        "keras_mvit.export.report",
        "keras_mvit.analysis.table",
        "keras_mvit.weights.convert",
        "benchmarks.exports",
    ],
)
def test_commands_answer_without_tensorflow_and_quietly(module):
    command = [sys.executable, "-X", "importtime", "-m", module]
    result = subprocess.run(
        [*command, "--no_such_flag"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "Unknown command line flag 'no_such_flag'" in result.stderr
    imported = re.findall(r"\| +(\w+)$", result.stderr, re.MULTILINE)
    assert "absl" in imported
    assert not {"tensorflow", "keras"} & set(imported)

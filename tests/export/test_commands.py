"""The commands, each in a process of its own, as users run them."""

import json
import subprocess
import sys

import pytest

from tests.export import broken_files


def _run(module, *flags):
    return subprocess.run(
        [sys.executable, "-m", f"keras_mvit.export.{module}", *flags],
        capture_output=True,
        text=True,
    )


def _error(process):
    """The only line that starts so; anything else would be a traceback."""
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    lines = process.stderr.splitlines()
    (line,) = [line for line in lines if line.startswith("Error: ")]
    return line


def test_export_measure_report(trained_dir, tmp_path):
    export = tmp_path / "export"
    done = _run(
        "export_tflite",
        f"--workdir={trained_dir}",
        "--formats=float32,int8",
        "--num_calibration_images=32",
        f"--output_dir={export}",
    )
    assert done.returncode == 0, done.stderr
    assert "small_int8.tflite" in done.stdout
    assert "On 100 real images" in done.stdout

    latency = tmp_path / "latency.json"
    done = _run(
        "measure_latency",
        f"--models={export}",
        "--threads=1,2",
        "--runs=3",
        f"--output={latency}",
    )
    assert done.returncode == 0, done.stderr
    assert "small_int8" in done.stdout
    assert len(json.loads(latency.read_text())["results"]) == 4

    done = _run(
        "report",
        f"--workdir={trained_dir}",
        f"--export_dir={export}",
        f"--latency={latency}",
        f"--output_dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    assert "int8" in (tmp_path / "report.html").read_text()


def test_measuring_needs_no_tensorflow():
    module = "keras_mvit.export.measure_latency"
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    imported = subprocess.run(command, capture_output=True, text=True).stderr
    assert "ai_edge_litert" in imported
    assert "tensorflow" not in imported


def test_lint(tmp_path):
    good, bad = tmp_path / "good.tflite", tmp_path / "bad.tflite"
    good.write_bytes(broken_files.convert_function(broken_files.pooled))
    bad.write_bytes(broken_files.with_flex_op())
    done = _run("lint", str(good))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "  xnnpack: yes",
        "  gpu: yes",
        "  metadata: none",
    ]
    done = _run("lint", str(good), str(bad), "--targets=gpu")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2] == "  gpu: no, 1 findings"
    assert "FlexErf" in done.stdout
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(good.read_bytes()[:99])
    wrong = _run("lint", str(good), str(cut))
    assert f"{cut}: not a" in _error(wrong)
    assert "  gpu: yes" in wrong.stdout


@pytest.mark.large
@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "Name LiteRT files"),
        (["nowhere.tflite"], "nowhere.tflite"),
        (["setup.cfg", "--targets=npu"], "expected some of xnnpack, gpu"),
        (["setup.cfg"], "setup.cfg: not a LiteRT file"),
    ],
)
def test_lint_of_bad_input_is_one_line(flags, message):
    assert message in _error(_run("lint", *flags))


def test_bad_input_is_one_line(tmp_path):
    out = f"--output_dir={tmp_path}/out"
    wrong = _run("export_tflite", "--workdir=nowhere", "--formats=int9", out)
    assert "Unknown formats: int9. Known formats: float32" in _error(wrong)
    wrong = _run("measure_latency", "--models=nowhere.tflite")
    assert "There is no LiteRT file nowhere.tflite" in _error(wrong)
    wrong = _run("measure_latency", "--models=a", "--serial=b")
    assert "--serial goes with --target=android" in _error(wrong)
    android = ["--target=android", f"--models={__file__}"]
    wrong = _run("measure_latency", *android)
    assert "--target=android needs --benchmark_binary" in _error(wrong)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_takes_no_files():
    output = "/proc/new/latency.json"
    wrong = _run("measure_latency", "--models=nowhere", f"--output={output}")
    assert f"--output is '{output}'; expected the path of" in _error(wrong)


def test_a_measurement_that_cannot_be_written_is_printed(exported):
    program = """
from keras_mvit.export import measure_latency

def fail(*_):
    raise OSError("No space left")

measure_latency.results.write = fail
measure_latency.run()
"""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            f"--models={exported[0] / 'small_float32.tflite'}",
            "--runs=1",
            "--output=latency.json",
        ],
        capture_output=True,
        text=True,
    )
    assert "No space left" in _error(done)
    assert "small_float32" in done.stdout


@pytest.mark.large
@pytest.mark.parametrize("output", ["", ".", "labels.txt/latency.json"])
def test_an_output_that_cannot_be_written(exported, output, monkeypatch):
    monkeypatch.chdir(exported[0])
    wrong = _run("measure_latency", "--models=.", f"--output={output}")
    assert f"--output is '{output}'; expected the path of" in _error(wrong)


@pytest.mark.large
def test_threads_that_are_too_many(exported):
    wrong = _run("measure_latency", f"--models={exported[0]}", "--threads=999")
    assert "--threads is '999'; expected numbers" in _error(wrong)


@pytest.mark.large
def test_threads_that_are_no_numbers(exported):
    wrong = _run("measure_latency", f"--models={exported[0]}", "--threads=one")
    assert "--threads is 'one'" in _error(wrong)


@pytest.mark.large
@pytest.mark.parametrize(
    "flags, message",
    [
        (["--workdir=nowhere"], "no work directory 'nowhere'"),
        (["--model=nothing"], "mobilevit_xxs"),
        ([], "either --workdir or --model"),
        (["--workdir=a", "--model=b"], "either --workdir or --model"),
        (["--workdir=a", "--image_size=64"], "--image_size goes with --model"),
        (["--workdir=a", "--labels=b.txt"], "--labels goes with --model"),
        (["--workdir=a", "--num_classes=4"], "--num_classes goes with --model"),
        (["--workdir=a", "--num_test_images=9"], "--num_test_images goes with"),
        (["--model=mobilevit_xxs", "--image_size=64"], "need calibration"),
        (["--workdir=a", "--input_type=uint8"], "'float32' takes and returns"),
    ],
)
def test_bad_flags_are_one_line(tmp_path, flags, message):
    wrong = _run("export_tflite", f"--output_dir={tmp_path}/out", *flags)
    assert message in _error(wrong)
    assert not (tmp_path / "out").exists()

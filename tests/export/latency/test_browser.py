import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_mvit.export.latency import browser, litertjs, model_files, results
from tests.export.latency import tiny_file

_SETTINGS = {"runs": 3, "warmup_runs": 1}
_FILE = model_files.ModelFile("a.tflite", "a", "0" * 64, 5)
_ANSWER = {
    "device": {
        "name": "Pixel 8",
        "os": "Android 15",
        "browser": "Chrome 140",
        "cores": 9,
        "gpu": "arm valhall",
    },
    "results": [
        {
            "model": 0,
            "accelerator": "cpu",
            "threads": 2,
            "times_ms": [3.0, 1, 2.5],
            "init_ms": 40.5,
            "first_run_ms": 7.5,
        }
    ],
    "skipped": ["WebGPU: none"],
}


def _read(answer):
    return browser.read_answer(json.dumps(answer).encode(), [_FILE], _SETTINGS)


def test_an_answer():
    measurement = _read(_ANSWER)
    assert measurement.target == "browser"
    assert measurement.device["runtime"] == "LiteRT.js 2.5.3, Chrome 140"
    assert measurement.settings["skipped"] == ["WebGPU: none"]
    (result,) = measurement.results
    assert (result.model, result.sha256, result.size_bytes) == (
        "a", "0" * 64, 5,
    )  # fmt: skip
    assert (result.median_ms, result.min_ms, result.init_ms) == (2.5, 1, 40.5)
    assert result.configuration == "compiled, 2 threads"
    assert "Pixel 8, 9 cores, Android 15" in results.table(measurement)


@pytest.mark.parametrize(
    "where, value",
    [
        (("device",), None),
        (("device", "name"), 5),
        (("device", "cores"), "9"),
        (("device", "cores"), True),
        (("skipped",), None),
        (("results",), []),
        (("results",), {"a": 1}),
        (("results", 0, "model"), 1),
        (("results", 0, "model"), -1),
        (("results", 0, "threads"), 0),
        (("results", 0, "accelerator"), "npu"),
        (("results", 0, "accelerator"), ["cpu"]),
        (("results", 0, "times_ms"), [1.0]),
        (("results", 0, "times_ms"), [1.0, 2.0, -1.0]),
        (("results", 0, "times_ms"), [1.0, 2.0, "3"]),
        (("results", 0, "init_ms"), float("nan")),
        (("results", 0, "first_run_ms"), float("inf")),
    ],
)
def test_answers_that_are_not(where, value):
    answer = copy.deepcopy(_ANSWER)
    inner = answer
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(ValueError):
        _read(answer)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from("ab"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*_ANSWER, "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(_JSON)
def test_any_json(answer):
    with pytest.raises(ValueError):
        _read(answer)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_no_json(body):
    with pytest.raises(ValueError):
        browser.read_answer(body, [_FILE], _SETTINGS)


def test_texts_are_cut_and_cleaned():
    answer = copy.deepcopy(_ANSWER)
    answer["device"]["name"] = "Pixel\x1b[2J\n" + "x" * 9999
    name = _read(answer).device["name"]
    assert name.startswith("Pixel[2Jx")
    assert len(name) <= 300


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"runs": 0}, "expected at least 1"),
        ({"threads": [0]}, "expected at least 1"),
        ({"threads": []}, "expected at least 1"),
        ({"accelerators": ["npu"]}, "a browser has cpu and gpu"),
    ],
)
def test_values_that_are_not_accepted(kwargs, message):
    with pytest.raises(ValueError, match=message):
        browser.measure(["a.tflite"], **kwargs)


def _fake_package(folder):
    """A folder of LiteRT.js's layout."""
    for name, text in {
        "core/dist/index.js": 'import {a} from "@litertjs/wasm-utils";',
        "wasm-utils/dist/index.js": "export const a = 1;",
        "core/wasm/litert_wasm_internal.wasm": "wasm",
    }.items():
        path = folder / "@litertjs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def test_the_page_and_its_answer(tmp_path):
    """All of the way but for the browser."""
    file = tiny_file.write(tmp_path / "a.tflite", "a")
    found = []

    def answer(line):
        address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", line)[0]

        def get(name):
            with urllib.request.urlopen(address + name, timeout=10) as reply:
                return reply.read()

        def browse():
            for name in ("", "style.css", "page.js", "measure.js", "chart.js"):
                assert get(name)
            plan = json.loads(get("plan.json"))
            index = get("litertjs/index.js").decode()
            found.extend([plan, index, get("models/0.tflite")])
            body = json.dumps(_ANSWER).encode()
            urllib.request.urlopen(address + "results", body, timeout=10)

        threading.Thread(target=browse).start()

    measurement = browser.measure(
        [file],
        threads=[1, 2],
        runs=3,
        warmup_runs=1,
        litertjs_dir=_fake_package(tmp_path / "lib"),
        log=answer,
    )
    plan, index, content = found
    assert plan == {
        "models": ["a"],
        "runs": 3,
        "warmup_runs": 1,
        "runs_per_turn": 5,
        "threads": [1, 2],
        "accelerators": ["cpu", "gpu"],
    }
    assert index == 'import {a} from "./wasm-utils.js";'
    assert content == (tmp_path / "a.tflite").read_bytes()
    assert measurement.results[0].sha256 == model_files.describe(file).sha256


def test_no_litertjs(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="There is no .*npm install @litert"):
        litertjs.find(str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="There is no npm .*--litertjs_dir"):
        litertjs.find()


def test_npm_that_fails_leaves_nothing(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    os.chmod(npm, 0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="could not fetch .*no network"):
        litertjs.find()
    assert os.listdir(tmp_path / "cache" / "keras_mvit") == []


def test_npm_fetches_once(tmp_path, monkeypatch):
    _fake_package(tmp_path / "made")
    npm = tmp_path / "npm"
    npm.write_text(
        f"#!/bin/sh\necho x >> {tmp_path}/log\n"
        f'cp -r {tmp_path}/made "$3/node_modules"\n'
    )
    os.chmod(npm, 0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert litertjs.find() == litertjs.find()
    assert (tmp_path / "log").read_text() == "x\n"


@contextlib.contextmanager
def _chromium(address, profile):
    process = subprocess.Popen(
        [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
            f"--user-data-dir={profile}", address,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.large
@pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("npm")),
    reason="chromium and npm are not installed",
)
def test_chromium(exported, tmp_path):
    with contextlib.ExitStack() as stack:

        def open_page(line):
            address = re.search(r"http://\S+", line)[0]
            stack.enter_context(_chromium(address, tmp_path))

        measurement = browser.measure(
            [
                str(exported[0] / f"small_{x}.tflite")
                for x in ("float32", "int8")
            ],
            threads=[1, 2],
            runs=7,
            warmup_runs=2,
            log=open_page,
        )
    names = [(r.configuration, r.model) for r in measurement.results]
    assert names == [
        ("compiled, 1 thread", "small_float32"),
        ("compiled, 1 thread", "small_int8"),
        ("compiled, 2 threads", "small_float32"),
        ("compiled, 2 threads", "small_int8"),
    ]
    assert "WebGPU" in measurement.settings["skipped"][0]
    assert "Chrom" in measurement.device["runtime"]
    for result in measurement.results:
        assert 0 < result.min_ms <= result.median_ms <= result.p90_ms

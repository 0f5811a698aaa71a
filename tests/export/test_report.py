import base64
import dataclasses
import html.parser
import json
import pathlib
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_mvit.export import report_figures, report_page
from keras_mvit.export.latency import host, results
from keras_mvit.export.report_writer import write_report


@pytest.fixture(scope="module")
def measurement(exported):
    rows = [
        results.Result(
            model=file["file"].removesuffix(".tflite"),
            sha256=file["sha256"],
            size_bytes=file["size_bytes"],
            threads=threads,
            median_ms=(4 - index) / threads,
            p90_ms=5.0,
            min_ms=0.5,
            mean_ms=3.0,
            init_ms=7.0,
            first_run_ms=8.0,
            peak_memory_mib=9.0,
            num_partitions=1,
        )
        for threads in (1, 2)
        for index, file in enumerate(exported[1]["files"])
    ]
    settings = {"runs": 100, "warmup_runs": 10}
    return results.Measurement("host", host.device(), settings, rows)


@pytest.fixture
def latency_file(measurement, tmp_path):
    path = tmp_path / "latency.json"
    results.write(str(path), measurement)
    return str(path)


def _report(tmp_path, *args):
    paths = write_report(str(tmp_path / "report"), *args)
    return [pathlib.Path(path).read_text() for path in paths]


def test_everything(copied_dir, exported, latency_file, tmp_path):
    Image.new("RGB", (4, 4)).save(copied_dir / "augmentation.png")
    evaluation = {"top1": 0.875, "top5": 1.0, "loss": 0.5}
    (copied_dir / "evaluation.json").write_text(json.dumps(evaluation))
    page, markdown = _report(
        tmp_path, str(copied_dir), str(exported[0]), [latency_file]
    )
    for text in (page, markdown):
        for expected in ("87.50 %", "1 thread, ms", "2 threads, ms", "digits"):
            assert expected in text
        for file in exported[1]["files"]:
            assert file["format"] in text
        # int8 takes 1 ms against 4 of float32; partitions come last.
        assert "1.000" in text
        assert "0.25" in text
        assert "has not been" not in text
    assert page.count("<svg") == 2
    assert page.count("data:image/png;base64,") == 1
    for name in re.findall(r"\]\((.*?)\)", markdown):
        assert (tmp_path / "report" / name).stat().st_size


def test_baselines_and_profiles(exported, measurement, tmp_path):
    profile = [
        {"op": "Convolution", "count": 9, "mean_ms": 1.5, "percent": 75.0},
        {"op": "Softmax", "count": 2, "mean_ms": 0.5, "percent": 25.0},
    ]
    first = measurement.results[0]
    rows = [
        dataclasses.replace(first, op_profile=profile),
        *measurement.results[1:],
        dataclasses.replace(
            first,
            model="MobileNetV2",
            sha256="0" * 64,
            median_ms=10.0,
            is_baseline=True,
        ),
    ]
    path = str(tmp_path / "latency.json")
    results.write(path, dataclasses.replace(measurement, results=rows))
    page, markdown = _report(tmp_path, None, str(exported[0]), [path])
    assert "Measured, but not of this export" not in page
    assert re.search(r"MobileNetV2 *\| *1 thread .* 10.000 *\| *2.50", markdown)
    assert "Convolution" in page
    assert "Softmax" in page
    assert page.count("<svg") == 2


_PROFILE = [{"op": "Conv", "count": 9, "mean_ms": 1.5, "percent": 75.0}]


@pytest.mark.parametrize(
    "devices, expected",
    [
        (["host: A"], ["1 thread"]),
        (["host: A", "android: A"], ["host, 1 thread", "android, 1 thread"]),
        (["android: A-1", "android: A 1"], ["A-1, 1 thread", "A 1, 1 thread"]),
        (["host: A", "host: A"], ["run 1, 1 thread", "run 2, 1 thread"]),
        (
            ["host: A", "android: A", "android: B", "android: B"],
            [
                "host, 1 thread",
                "android, A, 1 thread",
                "android, B, run 1, 1 thread",
                "android, B, run 2, 1 thread",
            ],
        ),
    ],
)
def test_each_device_has_its_columns_and_figures(
    exported, measurement, tmp_path, devices, expected
):
    (row, *_) = measurement.results
    row = dataclasses.replace(row, op_profile=_PROFILE)
    paths = []
    for index, device in enumerate(devices):
        target, name = device.split(": ")
        paths.append(str(tmp_path / f"{index}.json"))
        one = dataclasses.replace(
            measurement,
            target=target,
            device={**measurement.device, "name": name},
            results=[row],
        )
        results.write(paths[-1], one)
    _, markdown = _report(tmp_path, None, str(exported[0]), paths)
    header = next(x for x in markdown.splitlines() if "1 thread, ms" in x)
    cells = [cell.strip() for cell in header.split("|")]
    assert [cell for cell in cells if cell.endswith(", ms")] == [
        f"{name}, ms" for name in expected
    ]
    figures = re.findall(r"\]\((report_op_profile.*?)\)", markdown)
    assert len(set(figures)) == len(devices)


def test_sensitivity_is_of_this_export_or_absent(exported, tmp_path):
    folder = shutil.copytree(exported[0], tmp_path / "exported")
    sensitivity = {
        "num_images": 100,
        "layers": [
            {"layer": "stem", "snr_db": 20.0, "agreement": 0.9},
            {"layer": "classifier", "snr_db": 30.0, "agreement": 1.0},
        ],
        "float_layers": ["stem"],
    }
    (folder / "small_sensitivity.json").write_text(json.dumps(sensitivity))
    page, _ = _report(tmp_path, None, str(folder), [])
    assert "layer by layer" not in page
    card = json.loads((folder / "export.json").read_text())
    card["settings"]["sensitivity"] = True
    (folder / "export.json").write_text(json.dumps(card))
    page, _ = _report(tmp_path, None, str(folder), [])
    assert "layer by layer" in page
    assert "Left in float32: stem." in page


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1))
def test_the_front_has_what_nothing_beats(points):
    front = report_figures.pareto_front(points)
    for latency, accuracy in points:
        beaten = any(
            other[0] <= latency
            and other[1] >= accuracy
            and other != (latency, accuracy)
            for other in points
        )
        assert ((latency, accuracy) in front) != beaten


class _Addresses(html.parser.HTMLParser):
    """Collects whatever a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data"):
                self.found.append(value)


def test_html_is_self_contained(copied_dir, exported, latency_file, tmp_path):
    Image.new("RGB", (4, 4)).save(copied_dir / "augmentation.png")
    page, _ = _report(
        tmp_path, str(copied_dir), str(exported[0]), [latency_file]
    )
    addresses = _Addresses()
    addresses.feed(page)
    assert addresses.found
    for address in addresses.found:
        assert address.startswith(("#", "data:image/png;base64,"))
    assert "url(http" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_what_is_missing_is_said(trained_dir, exported, tmp_path):
    page, _ = _report(tmp_path, str(trained_dir))
    assert "Nothing has been exported" in page
    assert "has not been evaluated" in page
    page, _ = _report(tmp_path, str(trained_dir), str(exported[0]))
    assert "Latency has not been measured" in page
    page, _ = _report(tmp_path, None, str(exported[0]))
    assert "nothing on training" in page


def test_no_epoch_yet(copied_dir, tmp_path):
    (copied_dir / "history.csv").unlink()
    page, _ = _report(tmp_path, str(copied_dir))
    assert "no epoch has been finished" in page


def test_latency_of_other_files_is_left_out(
    exported, measurement, tmp_path, trained_dir
):
    stale = [
        dataclasses.replace(result, sha256="0" * 64)
        for result in measurement.results
    ]
    stale.append(dataclasses.replace(stale[0], is_baseline=True))
    path = str(tmp_path / "latency.json")
    results.write(path, dataclasses.replace(measurement, results=stale))
    page, _ = _report(tmp_path, str(trained_dir), str(exported[0]), [path])
    assert "Latency has not been measured on these files" in page
    assert "not of this export as it is now: small_dynamic" in page
    _report(tmp_path, str(trained_dir), None, [path])


def test_text_is_escaped(copied_dir, tmp_path):
    config = {"model": "a_b", "dataset": "folder:<script>alert(1)</script>|*"}
    (copied_dir / "config.json").write_text(json.dumps(config))
    page, markdown = _report(tmp_path, str(copied_dir))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\\<script>" in markdown
    assert "\\|\\*" in markdown


def test_nothing_to_report(tmp_path):
    with pytest.raises(ValueError, match="Nothing to report"):
        _report(tmp_path)
    with pytest.raises(ValueError, match="no config.json in workdir"):
        _report(tmp_path, str(tmp_path))
    with pytest.raises(ValueError, match="export.json; export first"):
        _report(tmp_path, None, str(tmp_path))


def test_damaged_files_are_named(copied_dir, tmp_path):
    (copied_dir / "history.csv").write_text("epoch,loss\n1,one\n")
    with pytest.raises(ValueError, match="history.csv is damaged"):
        _report(tmp_path, str(copied_dir))
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(ValueError, match="export.json is damaged"):
        _report(tmp_path, None, str(tmp_path))


_EVALUATION = {"top1": 0.5, "top5": 1.0, "loss": 2}


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("config.json", [], "it is not an object"),
        ("config.json", {"model": "a"}, "it has no 'dataset'"),
        ("evaluation.json", {"top1": 0.5, "loss": 1.0}, "it has no 'top5'"),
        ("evaluation.json", {**_EVALUATION, "top1": "a"}, "top1 is 'a'"),
        ("history.csv", "epoch,loss\n1,2\n", "it has no top1"),
    ],
)
def test_a_file_of_training_that_lacks_something(
    copied_dir, tmp_path, name, value, message
):
    text = value if isinstance(value, str) else json.dumps(value)
    (copied_dir / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name} is damaged: {message}"):
        _report(tmp_path, str(copied_dir))


@pytest.mark.parametrize(
    "name, damage, message",
    [
        ("export", lambda x: x.pop("settings"), "it has no 'settings'"),
        ("export", lambda x: x["files"].clear(), "files is empty"),
        ("export", lambda x: x["files"][0].pop("top1"), "files has no 'top1'"),
        ("export", lambda x: x.update(files=3), "files is not a list"),
        ("latency", lambda x: x["device"].clear(), "device has no 'name'"),
        ("latency", lambda x: x["settings"].clear(), "settings has no 'runs'"),
        (
            "latency",
            lambda x: x["results"][0].update(median_ms="1"),
            "median_ms is '1'",
        ),
        (
            "small_sensitivity",
            lambda x: x["layers"][0].pop("snr_db"),
            "layers has no 'snr_db'",
        ),
    ],
)
def test_a_file_of_an_export_that_lacks_something(
    exported, latency_file, tmp_path, name, damage, message
):
    folder = shutil.copytree(exported[0], tmp_path / "exported")
    card = json.loads((folder / "export.json").read_text())
    card["settings"]["sensitivity"] = True
    (folder / "export.json").write_text(json.dumps(card))
    layer = {"layer": "stem", "snr_db": 20.0}
    sensitivity = {"num_images": 9, "layers": [layer], "float_layers": []}
    (folder / "small_sensitivity.json").write_text(json.dumps(sensitivity))
    _report(tmp_path, None, str(folder), [latency_file])
    path = pathlib.Path(latency_file)
    if name != "latency":
        path = folder / f"{name}.json"
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=f"{name}.json is damaged: .*{message}"
    ):
        _report(tmp_path, None, str(folder), [latency_file])


def test_figures_have_a_file_beside_markdown():
    svg = report_page.Figure("a", "alt", '<svg fill="currentColor"/>')
    png = report_page.Figure("b", "alt", b"png")
    assert (svg.file_name, png.file_name) == ("report_a.svg", "report_b.png")
    assert b"currentColor" not in svg.file_content
    page = report_page.to_html("t", [svg, png])
    assert 'fill="currentColor"' in page
    assert base64.b64encode(b"png").decode() in page

import json
import re
import subprocess

import pytest

# What the demo promises, in points of top-1 against float32.
MAX_DROP = {"float16": 0.005, "dynamic": 0.005, "int8": 0.01}
MIN_TOP1 = 0.97


def check_promises(card):
    """Raise AssertionError unless an export's card keeps the promises."""
    top1 = {file["format"]: file["top1"] for file in card["files"]}
    assert top1["float32"] >= MIN_TOP1
    for name, drop in MAX_DROP.items():
        assert top1["float32"] - top1[name] <= drop, name


@pytest.mark.large
def test_demo(tmp_path, request):
    command = ["make", "demo", f"DEMO={tmp_path}"]
    subprocess.run(command, cwd=request.config.rootpath, check=True)
    check_promises(json.loads((tmp_path / "export/export.json").read_text()))
    latency = json.loads((tmp_path / "latency.json").read_text())
    assert {row["num_partitions"] for row in latency["results"]} == {1}
    median_ms = {
        (row["model"], row["threads"]): row["median_ms"]
        for row in latency["results"]
    }
    assert len(median_ms) == 8
    int8 = median_ms["mobilevit_xxs_int8", 1]
    assert int8 < median_ms["mobilevit_xxs_float32", 1]
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(http|//)""", page)
    assert (tmp_path / "report.md").is_file()


@pytest.mark.parametrize("name, top1", [("int8", 0.96), ("float32", 0.95)])
def test_a_broken_promise_is_seen(name, top1):
    files = [
        {"format": format_, "top1": 0.98} for format_ in ("float32", *MAX_DROP)
    ]
    check_promises({"files": files})
    for file in files:
        if file["format"] == name:
            file["top1"] = top1
    with pytest.raises(AssertionError):
        check_promises({"files": files})

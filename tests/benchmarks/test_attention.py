import csv
import subprocess
import sys
import time

import pytest

from benchmarks import attention_growth, attention_models, measuring


def _rows(powers):
    """Rows as if the time of each kind grew with this power of tokens."""
    return [
        {
            "attention": kind,
            "runtime": "litert",
            "tokens": tokens,
            # A fixed cost hides the power at the small end.
            "time_ms": 1e-9 * tokens**power + (1 if tokens < 1024 else 0),
            "peak_mib": 0.1,
        }
        for kind, power in powers.items()
        for tokens in (256, 512, 1024, 2048, 4096)
    ]


def test_exponent():
    assert measuring.exponent([1, 10, 100], [3, 300, 30000]) == pytest.approx(2)


def test_the_fit_is_of_the_large_end():
    rows = _rows({"separable": 1.0, "multi_head": 2.0})
    times = attention_growth.fit(rows, "time_ms")
    assert times["separable", "litert"] == pytest.approx(1)
    assert attention_growth.misses(times) == []


def test_memory_below_what_can_be_told_is_not_fitted():
    assert attention_growth.fit(_rows({"separable": 1.0}), "peak_mib") == {}


def test_exponents_out_of_bounds_are_named():
    rows = _rows({"separable": 1.5, "multi_head": 1.0})
    first, second = attention_growth.misses(
        attention_growth.fit(rows, "time_ms")
    )
    assert first == "separable: exponent 1.50, not within 0.8 to 1.25"
    assert second == "multi_head: exponent 1.00, not within 1.7 to 2.2"


def test_a_missing_exponent_is_a_miss():
    times = attention_growth.fit(_rows({"separable": 1.0}), "time_ms")
    (message,) = attention_growth.misses(times)
    assert "multi_head" in message and "not measured" in message


def test_interleaved_medians():
    runners = {"slow": lambda: time.sleep(0.02), "fast": lambda: None}
    medians = measuring.interleaved_medians_ms(runners, budget_s=0.05)
    assert medians["slow"] > 10 > medians["fast"]


def _allocate(mib):
    return measuring.peak_mib(lambda: b"\1" * (mib << 20))


def test_peak_memory_in_a_fresh_process():
    peak = measuring.in_fresh_process(_allocate, 100)
    if peak is None:
        pytest.skip("this system does not tell")
    assert 95 < peak < 110


def test_what_needs_too_much_memory_is_left_out(monkeypatch, capsys):
    measured = []
    monkeypatch.setattr(
        attention_growth,
        "_measure",
        lambda kinds, *args: measured.append(kinds) or [],
    )
    attention_growth.measure([256, 16384], 64, 4, max_memory_gib=8, budget_s=1)
    assert measured[0] == list(attention_models.KINDS)
    assert measured[1] == ["linformer", "separable", "lightweight"]
    (line,) = capsys.readouterr().out.splitlines()
    assert "multi_head with 16,384 tokens may need 12 GiB" in line


def test_tokens_that_make_no_map():
    with pytest.raises(ValueError, match="power of 2.*Received: 100"):
        attention_models.build("separable", 100, 64, 1)


@pytest.mark.large
def test_command(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.attention", "--quick"),
            f"--output_dir={tmp_path}",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "multi_head litert" in done.stdout
    with open(tmp_path / "attention.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 4 * 2
    assert all(float(row["time_ms"]) > 0 for row in rows)
    assert (tmp_path / "attention.png").stat().st_size > 10_000

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_mvit.export.latency.benchmark_output import (
    Figures,
    parse,
    parse_profile,
)
from tests.export.latency import recorded


@pytest.mark.parametrize("text", [recorded.CPU, recorded.COMPILED])
def test_both_tools(text):
    assert parse(text) == Figures(
        mean_ms=6.0705,
        init_ms=21.5,
        first_run_ms=9.4,
        min_ms=5.89,
        max_ms=7.2,
        std_ms=0.21,
        median_ms=6.03,
        p95_ms=6.48,
        peak_memory_mib=14.75,
        num_partitions=1,
        runs=100,
    )


def test_an_old_tool_tells_less():
    figures = parse(recorded.OLD)
    assert figures.mean_ms == 33.2094
    assert figures.min_ms == 32.641
    assert figures.peak_memory_mib == 12.8672
    assert figures.median_ms is figures.p95_ms is None
    assert figures.num_partitions is None


def test_a_single_run_is_all_of_its_statistics():
    figures = parse(recorded.SINGLE)
    assert figures.min_ms == figures.max_ms == figures.median_ms == 3.756
    assert figures.std_ms == 0
    assert figures.runs == 1
    assert figures.first_run_ms == 11403.859


@pytest.mark.parametrize(
    "line, expected",
    [
        (recorded.FULL, 1),
        (recorded.PARTIAL, 5),
        (recorded.NONE, 0),
        (recorded.REPLACED, 1),
        (recorded.REPLACED.replace("99 out", "98 out"), None),
        (recorded.REPLACED.replace("1 part", "17 part"), None),
        ("", None),
    ],
)
def test_partitions(line, expected):
    assert parse(line + recorded.TIMED).num_partitions == expected


def test_profile_is_of_the_runs():
    assert parse_profile(recorded.PROFILE) == [
        {
            "op": "Fully Connected (NC, F32) GEMM",
            "count": 4,
            "mean_ms": 3.5,
            "percent": 70.0,
        },
        {
            "op": "Convolution (NHWC, F32) IGEMM",
            "count": 1,
            "mean_ms": 1.5,
            "percent": 30.0,
        },
    ]
    # The profile does not disturb the figures.
    assert parse(recorded.PROFILE) == parse(recorded.CPU)


@pytest.mark.parametrize("text", [recorded.CPU, "", "Regular Benchmark Runs"])
def test_no_profile(text):
    with pytest.raises(ValueError, match="There is no profile"):
        parse_profile(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "unknown form, ending in ''"),
        ("STARTING!\nERROR: Didn't find op", "unknown form.*Didn't find op"),
        (recorded.CPU.replace("Inference (avg)", "Mean"), "unknown form"),
        (recorded.CPU.replace("count=", "number="), "unknown form"),
        ("sh: x: not executable: 64-bit ELF file", "cannot run this bench"),
        ("CANNOT LINK EXECUTABLE: no libc++", "lacks what .* needs"),
        ("taskset: bad mask 'f000'", "cores of this core_mask"),
        ("write: No space left on device", "storage of the device is full"),
        (
            "Unconsumed cmdline flags: --use_xnnpack=true\n" + recorded.CPU,
            "does not know --use_xnnpack=true; is it the tool of the other",
        ),
    ],
)
def test_output_of_another_form(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


@given(st.integers(0, len(recorded.PROFILE)))
def test_output_that_was_cut_short(end):
    """It is whole figures, or an error; nothing else."""
    text = recorded.PROFILE[:end]
    try:
        figures = parse(text)
    except ValueError as error:
        assert "unknown form" in str(error)
        return
    assert figures.median_ms == 6.03
    assert figures.mean_ms <= 6.0705


@given(st.lists(st.sampled_from(recorded.PROFILE.splitlines()), max_size=9))
def test_lines_in_any_order(lines):
    for read in (parse, parse_profile):
        with contextlib.suppress(ValueError):
            assert read("\n".join(lines))

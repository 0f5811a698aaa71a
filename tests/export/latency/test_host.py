import json
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.latency import host, probe
from tests.export.broken_files import convert_function, pooled


@pytest.fixture(scope="module")
def file(exported):
    return str(exported[0] / "small_float32.tflite")


@pytest.fixture(scope="module")
def int8_file(exported):
    return str(exported[0] / "small_int8.tflite")


@pytest.fixture(scope="module")
def measurement(file, int8_file):
    return host.measure([file, int8_file], [1, 2], runs=7, warmup_runs=1)


def test_one_result_each(measurement):
    pairs = [(r.threads, r.model) for r in measurement.results]
    assert pairs == [
        (1, "small_float32"),
        (1, "small_int8"),
        (2, "small_float32"),
        (2, "small_int8"),
    ]
    assert measurement.target == "host"
    assert measurement.device["name"]
    assert "LiteRT" in measurement.device["runtime"]


def test_figures_are_sane(measurement, exported):
    hashes = {file["sha256"] for file in exported[1]["files"]}
    for result in measurement.results:
        assert 0 < result.min_ms <= result.median_ms <= result.p90_ms
        assert result.min_ms <= result.mean_ms
        assert result.init_ms > 0
        assert 0 < result.peak_memory_mib < 100
        assert result.num_partitions == 1
        assert result.sha256 in hashes


def test_both_apis(file):
    measurement = host.measure(
        [file], runs=2, warmup_runs=0, apis=["interpreter", "compiled"]
    )
    first, second = measurement.results
    assert (first.api, second.api) == ("interpreter", "compiled")
    assert second.num_partitions is None
    for result in (first, second):
        assert 0 < result.min_ms <= result.median_ms <= result.max_ms
        assert result.init_ms > 0
    with pytest.raises(ValueError, match="apis are .'both'.; expected inter"):
        host.measure([file], apis=["both"])


def test_partitions_are_counted():
    # CUMSUM is not an op of XNNPACK's, so the graph falls apart around it.
    def two_pieces(image):
        x = tf.nn.relu(image) * 2.0
        return pooled(tf.cumsum(x, axis=1) * 3.0)

    assert LiteRTModel(convert_function(pooled)).num_partitions == 1
    assert LiteRTModel(convert_function(two_pieces)).num_partitions == 2


def test_models_take_turns(monkeypatch):
    class Model:
        def __init__(self, name):
            self.invoke = lambda: order.append(name)

    order = []
    times = host.take_turns([Model("a"), Model("b")], runs=7)
    assert [len(t) for t in times] == [7, 7]
    # Each turn is one run that is not timed and up to five that are.
    assert "".join(order) == "aaaaaabbbbbbaaabbb"


def test_memory_is_of_the_file_alone(tmp_path):
    """A file with 40 MB of weights takes 40 MB more than one without."""
    weights = tf.random.normal((3, 10_000_000 // 3))
    big = tmp_path / "big.tflite"
    big.write_bytes(
        convert_function(lambda image: tf.matmul(pooled(image), weights))
    )
    small = tmp_path / "small.tflite"
    small.write_bytes(convert_function(pooled))
    needed = [_probe(path)["peak_memory_mib"] for path in (small, big)]
    assert needed[0] < 15
    assert 38 < needed[1] - needed[0] < 130


def _probe(path):
    output = subprocess.run(
        [sys.executable, probe.__file__, str(path), "1", "interpreter"],
        capture_output=True,
        check=True,
    ).stdout
    return json.loads(output)


@pytest.mark.parametrize(
    "kwargs", [{"threads": 0}, {"threads": []}, {"runs": 0}]
)
def test_numbers_below_one(file, kwargs):
    with pytest.raises(ValueError, match="expected at least 1"):
        host.measure([file], **kwargs)


def test_a_seed_below_zero(file):
    with pytest.raises(ValueError, match="seed is -1; expected at least 0"):
        host.measure(file, seed=-1)


@pytest.mark.parametrize("content", [b"", b"hello world, I am a text file"])
def test_a_foreign_file_is_named(tmp_path, content):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="foreign.tflite: not a LiteRT file"):
        host.measure([str(path)])


def test_a_file_that_cannot_run_is_named(tmp_path):
    from tests.export.broken_files import with_flex_op

    path = tmp_path / "flex.tflite"
    path.write_bytes(with_flex_op())
    with pytest.raises(ValueError, match="flex.tflite: LiteRT cannot load"):
        host.measure([str(path)])

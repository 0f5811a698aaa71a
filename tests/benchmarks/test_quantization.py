import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks.cifar10_source import cifar10_source
from benchmarks.quantization_figures import misses, table


def _file(name, top1, size_bytes):
    return {
        "format": name,
        "top1": top1,
        "size_bytes": size_bytes,
        "agreement": 0.98,
        "rms_diff": 0.05,
        "num_partitions": 1,
    }


FLOAT32 = _file("float32", 0.8, 1000)


@pytest.mark.parametrize(
    "name, drop, is_trained",
    [
        ("float16", 0.002, False),
        ("dynamic", 0.002, True),
        ("int8", 0.010, False),
        ("int8", 0.005, True),
        ("int8_full", 0.020, True),
    ],
)
def test_bounds_of_accuracy(name, drop, is_trained):
    good = _file(name, 0.8 - drop, 300)
    assert misses([FLOAT32, good], is_trained) == []
    (missed,) = misses([FLOAT32, _file(name, 0.799 - drop, 300)], is_trained)
    assert missed.startswith(f"{name}: {100 * drop + 0.1:.2f} points")


def test_int8_full_without_training_has_no_bound():
    assert misses([FLOAT32, _file("int8_full", 0.1, 300)], False) == []


def test_the_bound_of_size():
    (missed,) = misses([FLOAT32, _file("int8", 0.8, 301)], False)
    assert missed == "int8: 0.301 of the size of float32, at most 0.3 may be"
    assert misses([FLOAT32, _file("float16", 0.8, 500)], False) == []


def test_figures_that_are_no_number_miss():
    assert len(misses([FLOAT32, _file("int8", float("nan"), 300)], False)) == 1


def test_table():
    row = table([FLOAT32, _file("int8", 0.79, 300)]).splitlines()[-1].split()
    assert row == "int8 0.000 0.300 79.00 1.00 98.00 0.0500 1".split()


def test_the_model_of_this_repository(tmp_path):
    random = np.random.default_rng(0)
    for split, size in (("train", 3), ("test", 2)):
        for label in range(10):
            folder = tmp_path / split / str(label)
            folder.mkdir(parents=True)
            for image in range(size):
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{image}.png")
    source = cifar10_source(str(tmp_path), 7, seed=0)
    assert source.model.output_shape == (None, 10)
    assert source.calibration.images.shape == (7, 64, 64, 3)
    assert source.test.images.shape == (20, 64, 64, 3)
    assert np.bincount(source.test.labels).tolist() == [2] * 10


@pytest.mark.parametrize("arguments", [[], ["--images=a", "--workdir=b"]])
def test_it_takes_images_or_a_work_directory(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quantization", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "one of (images, workdir) must have a value" in done.stderr

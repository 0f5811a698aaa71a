import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks import input_paths


def test_photographs_are_a_folder_data_set(tmp_path):
    folder = str(tmp_path / "made")
    input_paths.make_photographs(folder, 4, 50, 36, 95)
    source = input_paths.RepeatedFolder(folder, 3)
    assert source.num_images == {"train": 12, "test": 2}
    paths = [path.decode() for path in source.paths().as_numpy_iterator()]
    assert paths[:4] == paths[4:8] and len(set(paths)) == 4
    images = [np.asarray(Image.open(path)) for path in paths[:4]]
    assert images[0].shape == (36, 50, 3)
    assert (images[0] != images[1]).any()
    assert 30 < np.std(images) < 80


def test_photographs_have_the_bytes_of_photographs(tmp_path):
    input_paths.make_photographs(str(tmp_path), 2, 500, 375, 90)
    sizes = [path.stat().st_size for path in tmp_path.rglob("*.jpg")]
    assert len(sizes) == 4 and all(35e3 < size < 110e3 for size in sizes)
    source = input_paths.RepeatedFolder(str(tmp_path), 3)
    assert min(sizes) <= 1e3 * source.mean_kb() <= max(sizes)


def test_missed_bounds_are_named():
    figures = {
        input_paths.LIMIT: (1000.0, 1.0),
        input_paths.EVALUATION: (100.0, 1.0),
        input_paths.V1: (790.0, 1.0),
        input_paths.V2: (510.0, 1.0),
    }
    (miss,) = input_paths.misses(figures)
    assert miss == "MobileViT's training: 0.79 of the limit, below 0.8"
    figures[input_paths.V1] = (800.0, 1.0)
    assert input_paths.misses(figures) == []


@pytest.mark.large
@pytest.mark.parametrize(
    "flags, words",
    [
        (["--quick"], "MobileViTv2's training"),
        (["--quick", "--stream_gb=0.01"], "peak resident memory"),
        (["--stream_gb=-1"], "stream_gb"),
    ],
)
def test_command(tmp_path, flags, words):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.input_pipeline", *flags),
            f"--output_dir={tmp_path}",
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == ("=-" not in flags[-1]), done.stderr
    assert words in done.stdout + done.stderr

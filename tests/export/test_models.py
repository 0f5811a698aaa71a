"""The published architectures, in every format."""

import numpy as np
import pytest

import keras_mvit
from keras_mvit.export import exporter, source
from keras_mvit.export.images import random_images
from keras_mvit.export.interpret import LiteRTModel
from tests.export.conftest import FORMATS


@pytest.mark.large
@pytest.mark.parametrize("image_size", [96, None])
@pytest.mark.parametrize("name", keras_mvit.list_models())
def test_exports_in_one_partition(name, image_size, tmp_path):
    size = image_size or keras_mvit.preprocessing(name).image_size[0]
    images = random_images(16, (size, size), seed=1).images
    np.savez(tmp_path / "images.npz", images=images)
    made = source.from_name(
        name,
        image_size=image_size,
        calibration_images=str(tmp_path / "images.npz"),
    )
    card = exporter.export(made, FORMATS, str(tmp_path / "out"), 16, log=len)
    for file in card["files"]:
        content = (tmp_path / "out" / file["file"]).read_bytes()
        assert LiteRTModel(content).num_partitions == 1, file["file"]

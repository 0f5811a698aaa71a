"""The published architectures, in every format."""

import numpy as np
import pytest

import keras_mvit
from keras_mvit.export import convert, exporter, quantize, source
from keras_mvit.export.images import random_images
from keras_mvit.export.interpret import LiteRTModel
from tests.export.conftest import FORMATS

FLOAT_FORMATS = [name for name in FORMATS if name != "int8"]
# Model, image size (None: its own), formats.
CASES = [
    (name, size, FORMATS)
    for name in keras_mvit.list_models()
    if name.startswith("mobilevit_")
    for size in (96, None)
] + [
    ("mobilevitv2_050", 96, FLOAT_FORMATS),
    ("cmt_ti", 96, FLOAT_FORMATS),
]


@pytest.mark.large
@pytest.mark.parametrize("name, image_size, formats", CASES)
def test_exports_in_one_partition(name, image_size, formats, tmp_path):
    size = image_size or keras_mvit.preprocessing(name).image_size[0]
    images = random_images(16, (size, size), seed=1).images
    np.savez(tmp_path / "images.npz", images=images)
    made = source.from_name(
        name,
        image_size=image_size,
        calibration_images=str(tmp_path / "images.npz"),
    )
    card = exporter.export(made, formats, str(tmp_path / "out"), 16, log=len)
    for file in card["files"]:
        content = (tmp_path / "out" / file["file"]).read_bytes()
        assert LiteRTModel(content).num_partitions == 1, file["file"]


@pytest.mark.large
def test_products_with_a_constant_stay_float():
    """MobileViTv2 resizes a map of 3x3 by two constant matrices."""
    model = keras_mvit.create_model("mobilevitv2_050", 5, (96, 96, 3))
    content = convert.to_float32(model, (96, 96))
    assert len(quantize.constant_products(content)) == 2
    row = quantize.FORMATS["dynamic"]
    LiteRTModel(quantize.quantize_file(content, row))
    # The same without the rule cannot be loaded.
    broken = [
        rule
        for rule in quantize.recipe(content, row)
        if rule["operation"] != "BATCH_MATMUL"
    ]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError):
        patch.setattr(quantize, "recipe", lambda *_: broken)
        LiteRTModel(quantize.quantize_file(content, row))

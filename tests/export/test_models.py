"""The published architectures, in every format."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import keras_mvit
from keras_mvit.export import (
    convert,
    exporter,
    formats,
    lint_rules,
    quantize,
    quantize_recipe,
    rewrite,
    source,
)
from keras_mvit.export.images import random_images
from keras_mvit.export.interpret import LiteRTModel
from tests.export.conftest import FORMATS

# Name, image size (None: its own), formats.
CASES = [(name, 96, FORMATS) for name in keras_mvit.list_models()] + [
    (name, None, ["float32", "int8"])  # of all: `benchmarks.exports`
    for name in (
        "mobilevit_xxs",
        "mobilevit_s",
        "mobilevitv2_050",
        "mobilevitv2_100",
        "cmt_ti",
        "cmt_s",  # deep enough for shortcuts beside which branches vanish
    )
]


@pytest.mark.large
@pytest.mark.parametrize("name, image_size, formats", CASES)
def test_files_suit_cpu_and_gpu(name, image_size, formats, tmp_path):
    # TensorFlow's converter keeps ten times a model's size for good; so a
    # process of its own, or all of them together would not fit the memory.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        card = pool.submit(_export, name, image_size, formats, tmp_path)
        files = card.result()["files"]
    for file in files:
        content = (tmp_path / "out" / file["file"]).read_bytes()
        # GPU delegates are for float files.
        targets = ["xnnpack", "gpu"][: 1 + ("float" in file["format"])]
        assert lint_rules.lint_file(content, targets) == [], file["file"]


def _export(name, image_size, formats, folder):
    size = image_size or keras_mvit.preprocessing(name).image_size[0]
    images = random_images(16, (size, size), seed=1).images
    np.savez(folder / "images.npz", images=images)
    made = source.from_name(
        name,
        image_size=image_size,
        calibration_images=str(folder / "images.npz"),
    )
    return exporter.export(made, formats, str(folder / "out"), 16, log=len)


@pytest.mark.large
def test_products_with_a_constant_stay_float():
    """MobileViTv2 as trained resizes maps by two constant matrices."""
    model = keras_mvit.create_model("mobilevitv2_050", 5, (96, 96, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "_FORMS", {})
        content = convert.to_float32(model, (96, 96))
    assert len(quantize_recipe.constant_products(content)) == 2
    row = formats.FORMATS["dynamic"]
    LiteRTModel(quantize.quantize_file(content, row))
    # The same without the rule cannot be loaded.
    broken = [
        rule
        for rule in quantize_recipe.recipe(content, row, "float32", "float32")
        if rule["operation"] != "BATCH_MATMUL"
    ]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError):
        patch.setattr(quantize_recipe, "recipe", lambda *_: broken)
        LiteRTModel(quantize.quantize_file(content, row))

import dataclasses
import io
import json
import zipfile

import keras
import numpy as np
import pytest

from keras_mvit.export import (
    convert,
    exporter,
    lint_rules,
    metadata,
    packaging,
    packing,
)
from keras_mvit.export.interpret import LiteRTModel
from tests.export.conftest import FORMATS

PROBABILITIES = packaging.Presentation("probabilities", "A. N. Other", "3")


@pytest.mark.parametrize("file_format", FORMATS)
def test_exports_are_ready_for_an_app(exported, file_format):
    folder, card = exported
    content = (folder / f"small_{file_format}.tflite").read_bytes()
    about = metadata.read(content)
    assert about.name == "small"
    assert file_format in about.description
    assert about.labels == tuple("0123456789")
    # A black and a white pixel, as the model takes them.
    scaled = [(x - about.mean[0]) / about.std[0] for x in (0, 255)]
    assert scaled == [0, 1]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        labels = archive.read("labels.txt")
    assert labels == (folder / "labels.txt").read_bytes()
    app = json.loads((folder / f"small_{file_format}.json").read_text())
    assert app["signature"] == "serving_default"
    assert app["input"]["name"] == "image"
    assert app["input"]["shape"] == [1, 32, 32, 3]
    assert app["input"]["std"] == list(about.std)
    assert app["output"] == {
        "name": "logits",
        "shape": [1, 10],
        "dtype": "float32",
        "labels": "labels.txt",
    }
    (row,) = [f for f in card["files"] if f["file"] == app["file"]]
    assert app["sha256"] == row["sha256"]


@pytest.mark.parametrize("file_format", ["float32", "int8"])
def test_probabilities(exported, source, file_format):
    content = (exported[0] / f"small_{file_format}.tflite").read_bytes()
    packaged = packaging.package(content, source, "float32", PROBABILITIES)
    file = LiteRTModel(packaged)
    images = np.float32(source.test.images[:4]) / 255
    answers = file.predict(images)
    logits = LiteRTModel(content).predict(images)
    np.testing.assert_allclose(answers.sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(answers.argmax(-1), logits.argmax(-1))
    assert file.num_partitions == 1
    signatures = file._interpreter.get_signature_list()
    assert signatures == {
        "serving_default": {"inputs": ["image"], "outputs": ["probabilities"]}
    }
    about = metadata.read(packaged)
    assert (about.author, about.version) == ("A. N. Other", "3")
    assert lint_rules.lint_file(packaged, ["xnnpack"]) == []


def test_export_of_probabilities(source, float32_file, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter.convert, "to_float32", lambda *_: float32_file)
    bare = dataclasses.replace(source, labels=None)
    card = exporter.export(
        bare, ["float32"], str(tmp_path), log=len, presentation=PROBABILITIES
    )
    assert card["settings"]["output"] == "probabilities"
    assert card["files"][0]["ops"]["SOFTMAX"] == 2
    app = json.loads((tmp_path / "small_float32.json").read_text())
    assert app["output"]["name"] == "probabilities"
    assert app["output"]["labels"] is None
    assert app["version"] == "3"


def test_per_channel_normalization(source, float32_file):
    preprocessing = dataclasses.replace(
        source.preprocessing, mean=(0.5, 0.4, 0.3), channel_order="bgr"
    )
    cmt = dataclasses.replace(source, preprocessing=preprocessing)
    packaged = packaging.package(float32_file, cmt, "float32", packaging.LOGITS)
    about = metadata.read(packaged)
    assert about.mean == (127.5, 102.0, 76.5)
    assert about.std == (255.0, 255.0, 255.0)
    assert not about.is_rgb


def test_a_file_that_changes_is_refused(source, float32_file, monkeypatch):
    def sharper(model, name, append=packing.append_softmax):
        append(model, name)
        model.subgraphs[0].operators[-1].builtinOptions.beta = 2.0

    monkeypatch.setattr(packing, "append_softmax", sharper)
    with pytest.raises(ValueError, match="answers differently, by 0"):
        packaging.package(float32_file, source, "float32", PROBABILITIES)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_of_probabilities(source, float32_file, activation):
    packaging.check(float32_file, PROBABILITIES)
    last = keras.layers.Activation(activation)(source.model.output)
    model = keras.Model(source.model.input, last)
    content = convert.to_float32(model, source.preprocessing.image_size)
    packaging.check(content, packaging.LOGITS)
    with pytest.raises(ValueError, match="its last operator is [SL]O"):
        packaging.check(content, PROBABILITIES)


def test_the_probability_of_one_class():
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Dense(1)(x))
    content = convert.to_float32(model, (8, 8))
    packaging.check(content, packaging.LOGITS)
    with pytest.raises(ValueError, match="one logit, whose softmax is always"):
        packaging.check(content, PROBABILITIES)


@pytest.mark.parametrize("name", ["int8_full", "int16x8"])
def test_probabilities_of_integers_only(source, tmp_path, name):
    with pytest.raises(ValueError, match=f"'{name}' is integer only"):
        exporter.export(
            source, ["int8", name], str(tmp_path), presentation=PROBABILITIES
        )


def test_an_unknown_output():
    with pytest.raises(ValueError, match="'scores'; expected one of logits"):
        packaging.Presentation("scores")

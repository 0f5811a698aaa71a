import dataclasses
import hashlib
import json
import os

import numpy as np
import pytest

from keras_mvit.export import exporter, files, quantize, sensitivity
from keras_mvit.export.interpret import LiteRTModel
from tests.export.broken_files import convert_function, with_flex_op
from tests.export.conftest import FORMATS
from tests.export.small_model import small_model


@pytest.fixture(autouse=True)
def converted(float32_file, monkeypatch):
    """Saves the seconds of a conversion that has been done already."""
    monkeypatch.setattr(exporter.convert, "to_float32", lambda *_: float32_file)


def _export(source, folder, formats=("float32", "float16"), **kwargs):
    return exporter.export(source, formats, str(folder), log=len, **kwargs)


def _contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def test_writes_files_labels_and_card(exported):
    folder, card = exported
    names = [f"small_{name}.tflite" for name in FORMATS]
    assert sorted(os.listdir(folder)) == sorted(
        [
            *names,
            *(f"small_{name}.json" for name in FORMATS),
            "labels.txt",
            "export.json",
        ]
    )
    assert (folder / "labels.txt").read_text().split() == list("0123456789")
    written = json.loads((folder / "export.json").read_text())
    assert written == json.loads(json.dumps(card))
    assert [file["file"] for file in card["files"]] == names
    assert card["model"] == "small"
    assert card["test_images"] == "real"
    assert card["versions"]["ai-edge-litert"]


def test_the_card_tells_the_truth(exported, source):
    folder, card = exported
    inputs = np.float32(source.test.images) / 255
    expected = np.asarray(source.model(inputs))
    for file in card["files"]:
        content = (folder / file["file"]).read_bytes()
        assert file["size_bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        logits = LiteRTModel(content).predict(inputs)
        top1 = np.mean(logits.argmax(1) == source.test.labels)
        keras_top1 = np.mean(expected.argmax(1) == source.test.labels)
        assert file["top1"] == pytest.approx(top1)
        assert file["keras_top1"] == pytest.approx(keras_top1)
        difference = np.abs(logits - expected).max()
        assert file["max_abs_diff"] == pytest.approx(difference, abs=1e-4)
        assert file["num_images"] == 100
        assert file["ops"]["CONV_2D"] >= 3


def test_int8_takes_the_training_images_asked_for(source, tmp_path):
    seen = []

    def spy(content, row, calibration, *_):
        seen.append(calibration)
        return content

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "quantize_file", spy)
        _export(source, tmp_path, ["int8"], num_calibration_images=16)
    (calibration,) = seen
    assert calibration[:].shape == (16, 32, 32, 3)
    known = {image.tobytes() for image in source.calibration.images}
    used = {np.uint8(image * 255 + 0.5).tobytes() for image in calibration}
    assert len(used) == 16
    assert used <= known


@pytest.mark.parametrize("count", [65, 0, -1])
def test_a_wrong_number_of_calibration_images(source, tmp_path, count):
    with pytest.raises(ValueError, match=f"images is {count}; there are 64"):
        _export(source, tmp_path, ["int8"], num_calibration_images=count)
    assert os.listdir(tmp_path) == []


def test_few_calibration_images_are_all_taken(source, tmp_path):
    card = _export(source, tmp_path, ["int8"])
    assert card["settings"]["num_calibration_images"] == 64


def test_analyzing_layers_leaves_half_of_few_images(
    source, tmp_path, monkeypatch
):
    monkeypatch.setattr(sensitivity, "MIN_IMAGES", 32)
    card = _export(source, tmp_path, ["int8"], analyze_layers=True)
    assert card["settings"]["num_calibration_images"] == 32


def test_one_image_is_too_few_to_analyze_layers(source, tmp_path):
    one = dataclasses.replace(
        source,
        calibration=dataclasses.replace(
            source.calibration,
            images=source.calibration.images[:1],
            labels=None,
        ),
    )
    with pytest.raises(ValueError, match="0 are left, at least 100"):
        _export(one, tmp_path, ["int8"], analyze_layers=True)


def test_int8_without_calibration_images(source, tmp_path):
    bare = dataclasses.replace(source, calibration=None)
    with pytest.raises(ValueError, match="need calibration images"):
        _export(bare, tmp_path, ["float32", "int8"])
    assert os.listdir(tmp_path) == []
    _export(bare, tmp_path, ["float32"])


def test_without_test_images(source, tmp_path):
    lines = []
    bare = dataclasses.replace(source, test=None, labels=None)
    card = exporter.export(bare, ["float32"], str(tmp_path), log=lines.append)
    assert any("random" in line for line in lines)
    assert card["test_images"] == "random"
    assert card["files"][0]["top1"] is None
    assert not (tmp_path / "labels.txt").exists()


def test_test_images_without_labels(source, tmp_path):
    lines = []
    test = dataclasses.replace(source.test, labels=None)
    bare = dataclasses.replace(source, test=test)
    exporter.export(bare, ["float32"], str(tmp_path), log=lines.append)
    assert "No class is known of the test images" in "".join(lines)


def test_a_folder_of_another_model(source, tmp_path):
    _export(source, tmp_path, ["float32"])
    before = _contents(tmp_path)
    other = dataclasses.replace(source, name="other", labels=None)
    with pytest.raises(ValueError, match="has an export of 'small'; .*'other'"):
        _export(other, tmp_path, ["float32"])
    assert _contents(tmp_path) == before
    (tmp_path / "export.json").write_text("{}")  # that nobody can read
    _export(other, tmp_path, ["float32"])


def test_nothing_of_an_earlier_export_misleads(source, tmp_path):
    _export(source, tmp_path, ["float32"])
    lines = []
    bare = dataclasses.replace(source, labels=None)
    exporter.export(bare, ["float16"], str(tmp_path), log=lines.append)
    assert "small_float32.tflite stays, of an earlier export" in lines
    assert (tmp_path / "small_float32.tflite").exists()
    assert not (tmp_path / "labels.txt").exists()
    assert not any("small_float16.tflite stays" in line for line in lines)


def _silent(*_):
    """A file that runs, but whose logits are all alike."""
    import tensorflow as tf

    return convert_function(
        lambda image: tf.reduce_mean(image, [1, 2, 3])[:, None] * np.ones(10),
        (1, 32, 32, 3),
    )


@pytest.mark.parametrize(
    "wrong, message",
    [
        (_silent, "small_float16.tflite: it deviates from Keras"),
        (lambda *_: with_flex_op(), r"small_float16.tflite: .*FlexErf"),
        (lambda content, *_: content[:999], "small_float16.tflite: not a"),
    ],
)
def test_a_bad_file_fails_the_export_and_spares_the_old(
    source, tmp_path, monkeypatch, wrong, message
):
    _export(source, tmp_path)
    before = _contents(tmp_path)
    good = quantize.quantize_file

    def second_is_wrong(content, row, *rest):
        make = good if row.name == "float32" else wrong
        return make(content, row, *rest)

    monkeypatch.setattr(quantize, "quantize_file", second_is_wrong)
    with pytest.raises(ValueError, match=message):
        _export(source, tmp_path)
    assert _contents(tmp_path) == before


def test_a_full_disk_leaves_the_old(source, tmp_path, monkeypatch):
    _export(source, tmp_path)
    before = _contents(tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        _export(source, tmp_path)
    assert _contents(tmp_path) == before


def test_a_folder_that_cannot_be_written_to(source, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="Cannot write to output_dir"):
        _export(source, tmp_path / "file")


def test_a_model_that_diverged(source, tmp_path):
    model = small_model()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    bad = dataclasses.replace(source, model=model)
    with pytest.raises(ValueError, match="finite|nan"):
        _export(bad, tmp_path)
    assert os.listdir(tmp_path) == []


def test_calibration_images_without_content(source, tmp_path):
    grey = np.full_like(source.calibration.images, 7)
    grey = dataclasses.replace(source.calibration, images=grey)
    empty = dataclasses.replace(source, calibration=grey)
    with pytest.raises(ValueError, match="calibration images are 7; expected"):
        _export(empty, tmp_path, ["int8"])

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit.training import evaluate_workdir
from keras_mvit.training.evaluation import Evaluator
from keras_mvit.training.evaluation_counts import EvaluationCounts
from keras_mvit.training.evaluation_files import describe
from keras_mvit.training.evaluation_picture import save_confusion
from keras_mvit.training.evaluation_protocol import Protocol, load_model
from keras_mvit.training.workdir import WorkDirectory
from tests.training.conftest import load, weights_equal, write_images
from tests.training.tiny_model import create_model


def read(settings, name="evaluation.json"):
    with open(os.path.join(settings.workdir, name)) as file:
        return json.load(file)


def always(label, model):
    """Makes a model name one class for every image."""
    kernel, bias = model.layers[-1].weights
    kernel.assign(keras.ops.zeros_like(kernel))
    bias.assign([float(index == label) for index in range(bias.shape[0])])
    return model


def batches(*sizes, classes=3):
    generator = np.random.default_rng(0)
    for size in sizes:
        images = generator.random((size, 8, 8, 3), np.float32)
        yield images, np.eye(classes)[generator.integers(0, classes, size)]


def test_an_evaluator_follows_its_model_and_traces_once():
    traces = []

    class Traced(keras.layers.Layer):
        def call(self, x):
            traces.append(x.shape)
            return x

    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(Traced()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    evaluate = Evaluator(model)
    del traces[:]
    for label in range(3):
        always(label, model)
        counts = evaluate(batches(4, 4, 3))
        assert counts.images == 11
        assert counts.correct == counts.class_images[label]
        assert counts.confusion[:, label].sum() == 11
    assert len(traces) == 1


def test_logits_are_those_of_the_model():
    model = create_model("", 3, (None, None, 3))
    whole = EvaluationCounts.zeros(3)
    for images, labels in batches(5, 2):
        logits = model.predict(images, verbose=0)
        whole += EvaluationCounts.of(logits, labels.argmax(axis=1))
    evaluate = Evaluator(model)
    assert evaluate(batches(5, 2)).metrics() == pytest.approx(
        whole.metrics(), rel=1e-5
    )


def test_raw_and_best_weights(run_of_two_epochs):
    settings, history = run_of_two_epochs
    workdir = WorkDirectory(settings.workdir)
    always(1, best := load(settings, "best.keras")).save(
        workdir.file("best.keras")
    )
    raw = always(0, load(settings))
    path = workdir.file("checkpoint.npz")
    with np.load(path) as file:
        arrays = dict(file)
    for index, variable in enumerate(raw.variables):
        arrays[f"model/{index:04d}"] = np.asarray(variable)
    np.savez(path, **arrays)
    evaluate_workdir(settings.workdir)
    for weights, model, right in (("raw", raw, "cat"), ("best", best, "dog")):
        protocol = Protocol(weights)
        result = evaluate_workdir(settings.workdir, protocol=protocol)
        loaded = load_model(workdir, protocol, settings.model)
        for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        found = {row["name"]: row["top1"] for row in result["classes"]}
        assert found == {"cat": 0.0, "dog": 0.0, right: 1.0}
        assert read(settings, f"evaluation_{weights}.json")["top1"] == 0.5
    assert read(settings)["top1"] == history[-1]["val_top1"]
    assert read(settings)["protocol"]["weights"] == "ema"


def test_another_size_and_data_set(run_of_two_epochs, tmp_path):
    settings, _ = run_of_two_epochs
    other = write_images(tmp_path / "other", test=3)
    shutil.rmtree(other / "train")
    before = read(settings)
    protocol = Protocol("ema", f"folder:{other}", 48, 1.0, "bicubic")
    result = evaluate_workdir(settings.workdir, protocol=protocol)
    assert result["images"] == 6
    assert result["protocol"]["image_size"] == [48, 48]
    assert result["protocol"]["crop_fraction"] == 1
    assert result["protocol"]["dataset"] == f"folder:{other}"
    name, picture = result["files"]
    assert name.startswith("evaluation_48px_crop1_bicubic_")
    assert name.endswith("other.json") and picture.endswith("other.png")
    assert {**read(settings, name), "files": result["files"]} == result
    assert read(settings) == before
    text = describe(result, 1)
    assert "6 images, ema weights, 48 px, crop 1, bicubic" in text
    assert "and 1 more classes" in text

    cows = write_images(tmp_path / "cows", ("cat", "cow"))
    with pytest.raises(ValueError, match="classes cat, dog, not cat, cow"):
        evaluate_workdir(
            settings.workdir, protocol=Protocol(dataset=f"folder:{cows}")
        )


def test_the_run_s_own_protocol_has_the_plain_name(settings):
    base = keras_mvit.preprocessing("cmt_ti")
    own = Protocol(
        "ema", settings.dataset, 160, base.crop_fraction, base.interpolation
    )
    assert own.suffix(settings, base) == Protocol().suffix(settings, base) == ""
    assert Protocol("raw", image_size=96).suffix(settings, base) == "_raw_96px"


@pytest.mark.parametrize(
    "name, value",
    [
        ("weights", "average"),
        ("image_size", 31),
        ("crop_fraction", 0.0),
        ("crop_fraction", 1.01),
        ("interpolation", "nearest"),
    ],
)
def test_a_protocol_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*got {value!r}"):
        Protocol(**{name: value})


def test_bad_images_can_be_left_out(run_of_two_epochs, image_folder, capsys):
    settings, _ = run_of_two_epochs
    (image_folder / "test" / "dog" / "1.jpg").write_text("no image")
    with pytest.raises(ValueError, match="1.jpg: .*pass --skip_bad_images"):
        evaluate_workdir(settings.workdir)
    evaluation = evaluate_workdir(settings.workdir, skip_bad_images=True)
    assert evaluation["images"] == 3
    assert "Left out 1 unreadable test images" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["[]", "{", '{"seed": "x"}', '{"a": 1}'])
@pytest.mark.parametrize("name", ["config.json", "preprocessing.json"])
def test_damaged_files_are_named(run_of_two_epochs, name, content):
    settings, _ = run_of_two_epochs
    path = os.path.join(settings.workdir, name)
    with open(path, "w") as file:
        file.write(content)
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        evaluate_workdir(settings.workdir)


def test_weights_of_no_checkpoint(run_of_two_epochs):
    settings, _ = run_of_two_epochs
    for name in ("checkpoint.npz", "checkpoint_previous.npz"):
        os.truncate(os.path.join(settings.workdir, name), 100)
    with pytest.raises(ValueError, match="No checkpoint can be read in"):
        evaluate_workdir(settings.workdir, protocol=Protocol("raw"))


def test_cmt_at_another_size(tmp_path):
    variant = dataclasses.replace(
        keras_mvit.get_variant("cmt_ti"),
        stem_filters=8,
        hidden_dims=(8, 16, 32, 64),
        depths=(1, 1, 1, 1),
        head_filters=16,
    )
    model = keras_mvit.create_model(variant, 3, (64, 64, 3))
    path = str(tmp_path / "model.keras")
    model.save(path)
    workdir = WorkDirectory(tmp_path)
    same = load_model(workdir, Protocol(image_size=64), variant)
    assert same.input_shape == (None, 64, 64, 3)
    larger = load_model(workdir, Protocol(image_size=96), variant)
    loaded = keras_mvit.create_model(variant, 3, (96, 96, 3), weights=path)
    assert weights_equal(larger, loaded)
    assert not weights_equal(
        larger, keras_mvit.create_model(variant, 3, (96, 96, 3))
    )


@pytest.mark.parametrize("classes", [2, 31, 600])
def test_a_picture_of_any_number_of_classes(tmp_path, classes):
    labels = np.arange(classes - 1)  # one class has no image
    counts = EvaluationCounts.of(np.eye(classes)[labels], labels)
    path = tmp_path / "confusion.png"
    save_confusion(path, counts, [f"class {i}" for i in range(classes)])
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_command_on_jax_agrees_with_tensorflow(run_of_two_epochs):
    pytest.importorskip("jax", reason="extra `jax`")
    settings, _ = run_of_two_epochs
    expected = evaluate_workdir(settings.workdir)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "keras_mvit.training.evaluate",
            f"--workdir={settings.workdir}",
            "--batch_size=3",  # the last is shorter
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert done.returncode == 0, done.stderr
    assert f"top-1 {expected['top1']:.2%} (95% interval" in done.stdout
    assert "Written: evaluation.json, confusion.png" in done.stdout
    found = read(settings)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["loss"] != expected["loss"]  # another backend's rounding
    assert found["classes"] == expected["classes"]

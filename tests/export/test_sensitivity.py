import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_mvit.export import exporter, flatbuffer, formats, sensitivity
from keras_mvit.export.convert import to_float32
from keras_mvit.export.layers import find_layers
from keras_mvit.export.sensitivity import HeldOut, Quantization


@pytest.fixture(scope="module")
def inputs():
    """Images of one color each, which differ more than noise would."""
    colors = np.random.default_rng(0).random((120, 1, 1, 3), np.float32)
    return np.broadcast_to(colors, (120, 8, 8, 3))


@pytest.fixture(scope="module")
def rough(inputs):
    """A model with a layer that takes 8 bits badly.

    Its outlier, which no other layer looks at, stretches the range.
    """
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="sigmoid", name="fine")(image)
    x = keras.layers.Conv2D(8, 1, activation="tanh", name="rough")(x)
    x = keras.layers.Conv2D(8, 1, activation="relu", name="stretched")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(5, name="classifier")(x)
    model = keras.Model(image, x, name="model")
    kernel, bias = model.get_layer("stretched").get_weights()
    kernel[..., 0] = 0
    bias[0] = 100
    model.get_layer("stretched").set_weights([kernel, bias])
    kernel, bias = model.get_layer("classifier").get_weights()
    kernel[0] = 0
    model.get_layer("classifier").set_weights([kernel, bias])
    # Centred logits, so that the class depends on the image.
    bias = -model.predict(inputs, verbose=0).mean(0)
    model.get_layer("classifier").set_weights([kernel, bias])
    return to_float32(model, (8, 8))


@pytest.fixture(scope="module")
def analysis(rough, inputs):
    lines = []
    result, outputs = sensitivity.analyze(
        rough, inputs[:10], {}, HeldOut(inputs[10:]), 0.0, lines.append
    )
    return result, outputs, lines


def test_the_worst_layer_comes_first(analysis):
    result, _, lines = analysis
    worst, *others = result["layers"]
    assert "stretched" in worst["layer"]
    assert all(worst["snr_db"] < other["snr_db"] - 6 for other in others)
    assert "stretched" in lines[0].splitlines()[1]


def test_it_stays_float(analysis, rough):
    result, outputs, lines = analysis
    assert "stretched" in result["float_layers"][0]
    assert result["accuracy_drops"][0] > 0
    assert result["accuracy_drops"][-1] <= 0
    assert len(result["accuracy_drops"]) == len(result["float_layers"]) + 1
    assert result["float_layers"][0] in lines[-1]
    kept = find_layers(rough)
    kept = [one for one in kept if one.name in result["float_layers"]]
    assert set(outputs) == {o for layer in kept for o in layer.outputs}


def test_a_layer_in_float_adds_no_noise(rough, inputs):
    from keras_mvit.export.calibration import calibrate

    ranges = calibrate(rough, inputs[:10])
    quantization = Quantization(rough, ranges, HeldOut(inputs[10:]))
    with_all = quantization.judge(quantization.layers)
    assert with_all.rms_diff < 1e-5
    assert quantization.judge().rms_diff > 0.05


def test_a_bound_that_nothing_meets():
    class Hopeless:
        layers = ()

        def judge(self, float_layers):
            return dataclasses.make_dataclass("R", ["keras_top1", "top1"])(1, 0)

    with pytest.raises(ValueError, match="100.00% with all layers in float32"):
        sensitivity.choose_float_layers(Hopeless(), [], 0.5)


@pytest.mark.parametrize(
    "names, drop, count, message",
    [
        (["float32", "int8_full"], None, 200, "'int8'; formats are float32, i"),
        (["int8"], -0.1, 200, "max_accuracy_drop is -0.1; expected 0 to 1"),
        (["int8"], 1.0, 200, "max_accuracy_drop is 1.0"),
        (["int8"], None, 99, "99 are left, at least 100"),
    ],
)
def test_nothing_to_analyze(names, drop, count, message):
    rows = formats.get_formats(names)
    with pytest.raises(ValueError, match=message):
        sensitivity.check(rows, HeldOut(np.zeros(count)), drop)


def test_export_with_float_layers(source, float32_file, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter.convert, "to_float32", lambda *_: float32_file)
    layer = find_layers(float32_file)[-1]
    seen = []

    def analyze(content, calibration, ranges, held_out, drop, log, model):
        assert model is source.model
        seen.append((len(calibration), len(held_out.images), drop))
        assert len(held_out.labels) == len(held_out.images)
        return {"float_layers": [layer.name]}, layer.outputs

    monkeypatch.setattr(sensitivity, "analyze", analyze)
    monkeypatch.setattr(sensitivity, "MIN_IMAGES", 10)
    exporter.export(
        source, ["int8", "int8_full"], str(tmp_path), 50, log=len,
        max_accuracy_drop=0.01,
    )  # fmt: skip
    assert seen == [(50, 14, 0.01)]
    written = json.loads((tmp_path / "small_sensitivity.json").read_text())
    assert written == {"float_layers": [layer.name]}
    for name, dtype in (("int8", "float32"), ("int8_full", "int8")):
        content = (tmp_path / f"small_{name}.tflite").read_bytes()
        projections = [
            op
            for op in flatbuffer.operators(content)
            if op.name == "FULLY_CONNECTED"
        ]
        assert projections[-1].results[0].dtype == dtype

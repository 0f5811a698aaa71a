import argparse
import dataclasses

import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit.weights.references import references
from keras_mvit.weights.sources import MOBILEVIT
from tests import golden

SOURCES = {"timm": "timm", "hf": "transformers", "cvnets": "cvnets"}


def _model(num_classes=1000):
    return keras_mvit.create_model(
        "mobilevit_xxs", num_classes, input_shape=(32, 32, 3)
    )


@pytest.fixture(scope="module")
def state():
    return golden.state_dict("timm.mobilevit_xxs")


@pytest.fixture(scope="module")
def loaded(state):
    model = _model()
    keras_mvit.load_reference_weights(model, state)
    return model


def _same(model, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )


@pytest.mark.parametrize("key, source", SOURCES.items())
def test_named_source_equals_auto(key, source):
    state = golden.state_dict(f"{key}.mobilevit_xxs")
    named, auto = _model(), _model()
    keras_mvit.load_reference_weights(named, state, source=source)
    keras_mvit.load_reference_weights(auto, state)
    assert _same(named, auto)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_npz_and_dict(state, loaded, tmp_path, prefix):
    state = {prefix + name: array for name, array in state.items()}
    np.savez(tmp_path / "w.npz", **state)
    for content in (tmp_path / "w.npz", {"model": {"state_dict": state}}):
        model = _model()
        keras_mvit.load_reference_weights(model, content)
        assert _same(model, loaded)


def test_safetensors(state, loaded, tmp_path):
    from safetensors.numpy import save_file

    save_file(
        {f"module.{k}": v for k, v in state.items()}, tmp_path / "w.SafeTensors"
    )
    model = keras_mvit.create_model(
        "mobilevit_xxs",
        input_shape=(32, 32, 3),
        weights=tmp_path / "w.SafeTensors",
    )
    assert _same(model, loaded)


@pytest.mark.parametrize("wrappers", [[], ["state_dict", "model"], ["model"]])
def test_pt(state, loaded, tmp_path, wrappers):
    torch = pytest.importorskip("torch", reason="extra `bench`")
    tensors = {k: torch.from_numpy(v) for k, v in state.items()}
    if wrappers:
        tensors = {f"module.{k}": v for k, v in tensors.items()}
    for wrapper in wrappers:
        args = argparse.Namespace(lr=1e-3)
        tensors = {wrapper: tensors, "epoch": 3, "args": args}
    torch.save(tensors, tmp_path / "w.pt")
    model = _model()
    keras_mvit.load_reference_weights(model, tmp_path / "w.pt")
    assert _same(model, loaded)


def test_tensors_of_pytorch(state, loaded, tmp_path):
    torch = pytest.importorskip("torch", reason="extra `bench`")
    from safetensors.torch import save_file

    parameters = {
        k: torch.from_numpy(v.copy()).requires_grad_(v.ndim > 0)
        for k, v in state.items()
    }
    half = {k: v.detach().bfloat16() for k, v in parameters.items()}
    save_file(half, tmp_path / "w.safetensors")
    model = _model()
    keras_mvit.load_reference_weights(model, parameters)
    assert _same(model, loaded)
    keras_mvit.load_reference_weights(
        loaded_half := _model(), {k: v.float() for k, v in half.items()}
    )
    for content in (half, tmp_path / "w.safetensors"):
        model = _model()
        keras_mvit.load_reference_weights(model, content)
        assert _same(model, loaded_half) and not _same(model, loaded)


def test_pt_that_would_run_code_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="extra `bench`")
    torch.save(
        {"stem.conv.weight": np.random.default_rng(0)}, tmp_path / "w.pt"
    )
    with pytest.raises(ValueError, match="no readable .pt file"):
        keras_mvit.load_reference_weights(_model(), tmp_path / "w.pt")


@pytest.mark.parametrize("file", ["w.keras", "w.weights.h5"])
def test_keras_files(loaded, tmp_path, file):
    path = tmp_path / file
    (loaded.save if file.endswith(".keras") else loaded.save_weights)(path)
    model = keras_mvit.create_model(
        "mobilevit_xxs", input_shape=(None, None, 3), weights=path
    )
    assert _same(model, loaded)
    with pytest.raises(ValueError, match="mobilevit_xs"):
        keras_mvit.create_model("mobilevit_xs", weights=path)


@pytest.mark.parametrize("file", ["w.keras", "w.weights.h5"])
def test_keras_files_of_other_classes(tmp_path, file):
    model = keras_mvit.create_model("mobilevit_xxs", 7, (32, 32, 3))
    path = tmp_path / file
    (model.save if file.endswith(".keras") else model.save_weights)(path)
    other = keras_mvit.create_model("mobilevit_xxs", 5, (32, 32, 3))
    before = other.get_weights()
    with pytest.raises(ValueError) as error:
        keras_mvit.weights.load_weights(other, path)
    assert str(error.value) == (
        f"{path} does not fit mobilevit_xxs: 2 differences, nothing was "
        "loaded.\n  shape of classifier/kernel: (320, 7) in the file, (320, 5)"
        " in the model\n  shape of classifier/bias: (7,) in the file, (5,) in "
        "the model"
    )
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_files_of_another_image_size(tmp_path):
    model = keras_mvit.create_model("cmt_ti", 7, (96, 96, 3))
    model.save(tmp_path / "w.keras")
    model.save_weights(tmp_path / "w.weights.h5")
    one, other = (
        keras_mvit.create_model(
            "cmt_ti", 7, (128, 128, 3), weights=tmp_path / file
        )
        for file in ("w.keras", "w.weights.h5")
    )
    assert _same(one, other)


def test_every_difference_is_listed_and_nothing_is_loaded(state):
    bad = dict(state)
    del bad["stem.conv.weight"], bad["stages.4.1.norm.bias"]
    bad["extra.weight"] = np.zeros(3)
    bad["head.fc.bias"] = np.zeros(7)
    bad["stages.0.0.conv2_kxk.conv.weight"] = np.zeros((32, 3, 3))
    model = _model()
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        keras_mvit.load_reference_weights(model, bad, source="timm")
    message = str(error.value)
    assert "5 differences, nothing was loaded" in message
    for line in (
        "missing: stem.conv.weight",
        "missing: stages.4.1.norm.bias",
        "superfluous: extra.weight",
        "shape of head.fc.bias: (7,) in the file, (1000,) in the model",
        "shape of stages.0.0.conv2_kxk.conv.weight: (32, 3, 3) in the file, "
        "(32, 1, 3, 3) in the model",
    ):
        assert line in message
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_missing_part_of_a_fused_projection_is_named():
    state = golden.state_dict("hf.mobilevit_xxs")
    name = next(n for n in state if n.endswith("attention.key.bias"))
    del state[name]
    with pytest.raises(ValueError, match=f"missing: {name}"):
        keras_mvit.load_reference_weights(_model(), state)


@pytest.mark.parametrize(
    "key, name, value",
    [
        ("hf", "classifier.weight", np.zeros((10, 320))),
        ("hf", "layer.0.attention.attention.query.weight", np.zeros((61, 64))),
        ("hf", "layer.0.attention.attention.query.bias", np.zeros(())),
        ("timm", "head.fc.bias", np.float32(3)),
    ],
)
def test_damaged_tensors_are_named(key, name, value):
    state = golden.state_dict(f"{key}.mobilevit_xxs")
    name = next(n for n in state if n.endswith(name))
    message = f"1 difference, .*\n  shape of {name}: {value.shape} in the file"
    message = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=message):
        keras_mvit.load_reference_weights(_model(), state | {name: value})


@pytest.mark.parametrize("key, source", SOURCES.items())
def test_source_is_told_by_most_names(key, source):
    state = golden.state_dict(f"{key}.mobilevit_xxs")
    for name in list(state)[::2]:
        del state[name]
    with pytest.raises(ValueError, match=f"{source} names.*nothing was loaded"):
        keras_mvit.load_reference_weights(_model(), state)


def _with_linformer():
    variant = dataclasses.replace(
        keras_mvit.get_variant("mobilevit_xxs"), attention_kind="linformer"
    )
    return keras_mvit.create_model(variant, input_shape=(32, 32, 3))


def _with_prelu():
    backbone = keras_mvit.create_backbone("mobilevit_xxs", (32, 32, 3))
    x = keras.layers.PReLU(name="act")(backbone.output["stride_32"])
    return keras.Model(backbone.input, x)


@pytest.mark.parametrize(
    "make, path",
    [
        (_with_linformer, "layer3_1/transformer_0/attention/token_projection"),
        (_with_prelu, "act/alpha"),
    ],
)
def test_variables_that_no_source_knows_are_named(state, make, path):
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"unknown to timm: .*{path}"):
        keras_mvit.load_reference_weights(model, state)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_that_holds_one_of_ours_is_refused(state):
    inputs = keras.Input((32, 32, 3))
    outer = keras.Model(inputs, _model(num_classes=0)(inputs), name="outer")
    with pytest.raises(ValueError, match="inside of another.*name=outer"):
        keras_mvit.load_reference_weights(outer, state)


@pytest.mark.parametrize("name", ["mobilevit_xxs", "mobilevitv2_050"])
def test_transformers_model_without_classifier(name):
    state = golden.state_dict(f"hf.{name}")
    prefix = name.split("_")[0] + "."
    base = {
        tensor.removeprefix(prefix): array
        for tensor, array in state.items()
        if tensor.startswith(prefix)
    }
    expected, auto, named = (
        keras_mvit.create_backbone(name, (32, 32, 3)) for _ in range(3)
    )
    keras_mvit.load_reference_weights(expected, state)
    keras_mvit.load_reference_weights(auto, base)
    keras_mvit.load_reference_weights(named, base, source="transformers")
    assert _same(auto, expected) and _same(named, expected)


def test_names_of_ml_cvnets_follow_the_depth():
    variant = dataclasses.replace(
        keras_mvit.get_variant("mobilevit_xxs"), depths=(1, 2, 5)
    )
    wanted, _ = references(
        keras_mvit.create_model(variant, input_shape=(32, 32, 3)),
        next(source for source in MOBILEVIT if source.name == "cvnets"),
    )
    for layer, depth in zip((3, 4, 5), variant.depths, strict=True):
        (name,) = wanted[f"layer{layer}_1/norm/gamma"].names
        assert name == f"layer_{layer}.1.global_rep.{depth}.weight"


@pytest.mark.parametrize("key", SOURCES)
def test_models_without_head_leave_the_head_out(key):
    state = golden.state_dict(f"{key}.mobilevit_xxs")
    full = _model()
    keras_mvit.load_reference_weights(full, state)
    full = {w.path: np.array(w) for w in full.weights}
    headless = keras_mvit.create_model("mobilevit_xxs", 0, (32, 32, 3))
    backbone = keras_mvit.create_backbone("mobilevit_xxs")
    for model in (headless, backbone):
        keras_mvit.load_reference_weights(model, state)
        for weight in model.weights:
            np.testing.assert_array_equal(weight, full[weight.path])


@pytest.mark.parametrize("key", ["timm.mobilevit_xxs", "cmt.cmt_ti"])
def test_flip_stem_equals_flipped_images(key):
    state = golden.state_dict(key)
    flipped, plain = (
        keras_mvit.create_model(key.split(".")[1], input_shape=(32, 32, 3))
        for _ in range(2)
    )
    keras_mvit.load_reference_weights(flipped, state, flip_stem=True)
    keras_mvit.load_reference_weights(plain, state)
    x = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    expected = plain.predict(x[..., ::-1], verbose=0)
    np.testing.assert_allclose(
        flipped.predict(x, verbose=0),
        expected,
        atol=1e-4 * expected.std(),
    )
    assert not _same(flipped, plain)


def test_other_number_of_classes_names_the_classifier(state):
    with pytest.raises(ValueError, match=r"shape of head.fc.weight: \(1000, "):
        keras_mvit.load_reference_weights(_model(num_classes=7), state)


@pytest.mark.parametrize(
    "content, name, message",
    [
        (b"", "w.npz", "no readable .npz file"),
        (b"PK\x03\x04 cut", "w.npz", "no readable .npz file"),
        (b"garbage", "w.safetensors", "no readable .safetensors file"),
        (b"", "w.keras", "it is cut off, or no zip archive"),
        (b"PK\x03\x04 cut", "w.keras", "it is cut off, or no zip archive"),
        (
            b"x",
            "w.onnx",
            "accepted are .keras, .weights.h5, .npz, .safetensors, .pt",
        ),
        (None, "w.npz", "There is no file"),
    ],
)
def test_unreadable_files(tmp_path, content, name, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        keras_mvit.weights.load_weights(_model(), path)


def test_unknown_names_and_sources(state):
    with pytest.raises(ValueError, match="they begin with .'a', 'b'"):
        keras_mvit.load_reference_weights(_model(), {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="dict of tensors, but 'a' is none"):
        keras_mvit.load_reference_weights(_model(), {"a": [[1], [2, 3]]})
    with pytest.raises(ValueError, match="source='keras'"):
        keras_mvit.load_reference_weights(_model(), state, source="keras")


def test_another_variant_is_told_by_its_name():
    for key in ("hf.mobilevit_xs", "cvnets.mobilevitv2_100", "cmt.cmt_xs"):
        with pytest.raises(ValueError) as error:
            keras_mvit.load_reference_weights(_model(), golden.state_dict(key))
        assert f"It looks like {key.split('.')[1]}." in str(error.value)


def test_cmt_tables_of_turned_maps_are_turned(tmp_path):
    long = keras_mvit.create_model("cmt_ti", input_shape=(256, 64, 3))
    long.save(tmp_path / "long.keras")
    wide = keras_mvit.create_model(
        "cmt_ti", input_shape=(64, 256, 3), weights=tmp_path / "long.keras"
    )
    for stage in range(1, 5):
        old, new = (m.get_layer(f"stage{stage}_bias") for m in (long, wide))
        table = np.array(old.table)
        assert new.table.shape == table.shape
        np.testing.assert_allclose(
            new.table, new.resize(table, old.map_size), rtol=1e-6
        )
        assert np.abs(new.table - table).max() > 0.1


@pytest.mark.large
def test_cmt_tables_of_as_many_pixels_are_resized():
    """They are of the same shape, and of a square map."""
    state = golden.state_dict("cmt.cmt_ti")
    long = keras_mvit.create_model("cmt_ti", input_shape=(800, 32, 3))
    keras_mvit.load_reference_weights(long, state)
    table, bias = state["relative_pos_a"], long.get_layer("stage1_bias")
    assert bias.table.shape == table.shape
    np.testing.assert_allclose(bias.table, bias.resize(table), rtol=1e-6)
    assert np.abs(bias.table - table).max() > 0.1


def test_cmt_of_another_size_resizes_its_position_biases(tmp_path):
    state = golden.state_dict("cmt.cmt_ti")
    model = keras_mvit.create_model("cmt_ti", input_shape=(192, 224, 3))
    keras_mvit.load_reference_weights(model, state)
    bias = model.get_layer("stage1_bias")
    table = np.array(bias.table)
    assert table.shape == (1, 48 * 56, 6 * 7)
    np.testing.assert_allclose(table, bias.resize(state["relative_pos_a"]))
    # A Keras file is resized alike.
    native = keras_mvit.create_model("cmt_ti")
    keras_mvit.load_reference_weights(native, state)
    native.save(tmp_path / "cmt.keras")
    again = keras_mvit.create_model(
        "cmt_ti", input_shape=(192, 224, 3), weights=tmp_path / "cmt.keras"
    )
    assert _same(model, again)

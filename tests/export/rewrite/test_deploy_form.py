import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit import layers
from keras_mvit.export import (
    convert,
    formats,
    lint_rules,
    quantize,
    quantize_recipe,
)
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.rewrite import deploy_form, parts, residual

SIZE = (12, 10)
# Name -> layers, size of their map.
CASES = {
    "mobilevit": ([layers.MobileViTBlock(16, 24, 2, num_heads=2)], SIZE),
    "mobilevit, resized": ([layers.MobileViTBlock(8, 12, 1)], (7, 9)),
    "mobilevit, lone token": ([layers.MobileViTBlock(8, 12, 1)], (2, 2)),
    "mobilevit, patch 3": (
        [layers.MobileViTBlock(8, 12, 1, patch_size=3, activation="relu")],
        (9, 6),
    ),
    "mobilevitv2": ([layers.MobileViTV2Block(16, 24, 2)], SIZE),
    "mobilevitv2, resized": ([layers.MobileViTV2Block(8, 12, 1)], (7, 9)),
    "mobilevitv2, one patch of 3": (
        [layers.MobileViTV2Block(8, 12, 1, patch_size=3)],
        (3, 3),
    ),
    "mobilevitv2, lone token": ([layers.MobileViTV2Block(8, 12, 1)], (2, 2)),
    "cmt": (
        [layers.CMTStem(8), layers.CMTBlock(2, sr_ratio=2, ffn_dim=20)],
        SIZE,
    ),
    "cmt, no reduction": ([layers.CMTBlock(4, 1, ffn_dim=12)], (3, 5)),
    "cmt, lone key": ([layers.CMTBlock(1, 3, ffn_dim=12)], (3, 5)),
}


def make_model(name):
    """A model of a case, with weights of which none is without effect."""
    stages, size = CASES[name]
    image = keras.Input((*size, 3))
    x = keras.layers.Conv2D(8, 1, name="first")(image)
    for stage in stages:
        stage = stage.from_config(stage.get_config())
        if isinstance(stage, layers.CMTBlock):
            heads, ratio = stage.num_heads, stage.sr_ratio
            bias = layers.RelativePositionBias(heads, ratio)(x)
            x = stage(x, bias)
        else:
            x = stage(x)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        kind = weight.path.rpartition("/")[2]
        if kind in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif kind in ("beta", "moving_mean", "bias"):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model, size


def differences(model, size):
    """How the deploy form's answers differ, over their spread."""
    static = convert.static_model(model, size)
    deployed = deploy_form(static)
    images = np.random.default_rng(1).random((2, 1, *size, 3), np.float32)
    expected = np.stack([static(x, training=False) for x in images])
    actual = np.stack([deployed(x, training=False) for x in images])
    return np.abs(actual - expected).max() / expected.std()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_unchanged(name):
    assert differences(*make_model(name)) < 1e-5


@pytest.mark.parametrize("strides, dilation", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("max_bytes", [1 << 20, 3000])  # one group, several
def test_inverted_residuals(strides, dilation, max_bytes, monkeypatch):
    monkeypatch.setattr(residual, "_MAX_BYTES", max_bytes)
    block = layers.InvertedResidual(8, strides, 3, dilation)
    monkeypatch.setitem(CASES, "ir", ([block], (7, 9)))
    assert differences(*make_model("ir")) < 1e-5


def _in_order(x, patch, height, width):
    return keras.ops.reshape(x, (1, height, width, x.shape[-1]))


def _without_affine(norm):
    return np.ones(norm.gamma.shape), np.zeros(norm.beta.shape)


@pytest.mark.parametrize(
    "owner, attribute, broken",
    [
        (parts.Linear, "centred", lambda self: self),
        (parts, "affine", _without_affine),
        (parts, "fold", _in_order),
    ],
)
def test_a_wrong_rewrite_is_seen(owner, attribute, broken, monkeypatch):
    model, size = make_model("mobilevit")
    monkeypatch.setattr(owner, attribute, broken)
    assert differences(model, size) > 1e-3


@pytest.mark.parametrize("name", ["mobilevit", "mobilevitv2", "cmt"])
def test_files_suit_cpu_and_gpu(name):
    model, size = make_model(name)
    float32 = convert.to_float32(model, size)
    assert lint_rules.lint_file(float32) == []
    images = np.random.default_rng(1).random((4, *size, 3), np.float32)
    int8 = quantize.quantize_file(float32, formats.FORMATS["int8"], images)
    assert LiteRTModel(int8).num_partitions == 1


@pytest.mark.parametrize("patch", [2, 3])
def test_a_map_of_one_patch_is_not_weighted(patch):
    block = layers.MobileViTV2Block(8, 12, 1, patch_size=patch)
    image = keras.Input((patch, patch, 3))
    x = block(keras.layers.Conv2D(8, 1)(image))
    model = keras.Model(image, keras.layers.Flatten()(x))
    float32 = convert.to_float32(model, (patch, patch))
    assert quantize_recipe.constant_products(float32) == []
    assert lint_rules.lint_file(float32) == []


class OwnBlock(layers.MobileViTBlock):
    def call(self, x, training=None):
        return 2.0 * x


def test_other_layers_stay():
    image = keras.Input((8, 8, 3), batch_size=1)
    x = OwnBlock(8, 8, 1, name="own")(image)
    x = layers.MobileViTBlock(8, 8, 1, name="known")(x)
    kind = "separable"
    x = layers.MobileViTBlock(8, 8, 1, attention_kind=kind, name="other")(x)
    model = keras.Model(image, x)
    deployed = deploy_form(model)
    for name, same in (("own", True), ("known", False), ("other", True)):
        assert (deployed.get_layer(name) is model.get_layer(name)) == same


def test_blocks_in_models_in_models():
    image = keras.Input((8, 8, 3), batch_size=1)
    inner = keras.Model(image, layers.MobileViTBlock(8, 8, 1)(image))
    model = keras.Model(image, inner(image) + 1.0)
    x = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    deployed = deploy_form(model)
    np.testing.assert_allclose(deployed(x), model(x), atol=1e-5)
    assert deployed.layers[1].layers[1] is not inner.layers[1]


@pytest.mark.parametrize(
    "variant",
    [
        "mobilevitv2_050",
        pytest.param("mobilevit_xxs", marks=pytest.mark.large),
    ],
)
def test_a_backbone_of_any_size_in_a_model(variant):
    image = keras.Input((None, None, 3))
    features = keras_mvit.create_backbone(variant)(image)["stride_32"]
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    model = keras.Model(image, keras.layers.Dense(3)(pooled))
    float32 = convert.to_float32(model, (64, 96))
    assert lint_rules.lint_file(float32) == []
    x = np.random.default_rng(0).random((1, 64, 96, 3), np.float32)
    expected = np.array(model(x))
    answer = LiteRTModel(float32).predict(x)
    np.testing.assert_allclose(answer, expected, atol=1e-4 * expected.std())

import dataclasses
import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_mvit

# The papers' variants and their exact trainable parameters, 1000 classes.
PARAMETERS = {
    "mobilevit_xxs": 1_272_024,
    "mobilevit_xs": 2_317_848,
    "mobilevit_s": 5_578_632,
    "mobilevitv2_050": 1_370_593,
    "mobilevitv2_075": 2_866_009,
    "mobilevitv2_100": 4_901_841,
    "mobilevitv2_125": 7_478_089,
    "mobilevitv2_150": 10_594_753,
    "mobilevitv2_175": 14_251_833,
    "mobilevitv2_200": 18_449_329,
    "cmt_ti": 9_492_426,
    "cmt_xs": 15_247_208,
    "cmt_s": 26_256_160,
    "cmt_b": 45_715_076,
}
# One variant of each family, small.
FAMILIES = {
    "mobilevit_xxs": (None, None, 3),
    "mobilevitv2_050": (None, None, 3),
    "cmt_ti": (64, 64, 3),
}


def _image(*shape):
    return np.random.default_rng(0).random(shape, "float32")


def test_every_variant_has_a_parameter_count():
    assert set(keras_mvit.list_models()) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name):
    model = keras_mvit.create_model(name)
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert count == PARAMETERS[name] == keras_mvit.get_variant(name).parameters
    size = keras_mvit.preprocessing(name).image_size
    assert model.input_shape == (None, *size, 3)
    assert model.output_shape == (None, 1000)


@functools.cache
def _model(name):
    return keras_mvit.create_model(name, 5, input_shape=FAMILIES[name])


@pytest.mark.parametrize(
    "name",
    [
        "mobilevit_xxs",
        pytest.param("mobilevitv2_050", marks=pytest.mark.large),
    ],
)
@settings(max_examples=3, deadline=None)
@given(st.integers(32, 130), st.integers(32, 130), st.integers(1, 3))
def test_any_size_equals_the_static_model(name, height, width, batch):
    static = keras_mvit.create_model(name, 5, input_shape=(height, width, 3))
    static.set_weights(_model(name).get_weights())
    x = _image(batch, height, width, 3)
    expected = keras.ops.convert_to_numpy(static(x))
    assert expected.shape == (batch, 5)
    np.testing.assert_allclose(
        _model(name).predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_save_and_load_is_bit_exact(name, tmp_path):
    _model(name).save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    x = _image(2, 64, 64, 3)
    np.testing.assert_array_equal(_model(name)(x), revived(x))


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_float16",
        pytest.param("mixed_bfloat16", marks=pytest.mark.large),
    ],
)
@pytest.mark.parametrize("name", FAMILIES)
def test_mixed_precision_trains(name, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = keras_mvit.create_model(name, 3, FAMILIES[name])
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.compute_dtype == policy.removeprefix("mixed_")
    assert model.output.dtype == "float32"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss, run_eagerly=True)
    x, y = _image(4, 64, 64, 3), np.array([0, 1, 2, 0])
    assert np.isfinite(model.train_on_batch(x, y))
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_no_classes_returns_pooled_features():
    model = keras_mvit.create_model("mobilevit_xxs", 0, (64, 64, 3))
    assert model.output_shape == (None, 320)


def test_classifier_activation():
    model = keras_mvit.create_model(
        "mobilevit_xxs", 4, (32, 32, 3), classifier_activation="softmax"
    )
    total = keras.ops.sum(model(_image(2, 32, 32, 3)), axis=-1)
    np.testing.assert_allclose(total, [1, 1], rtol=1e-5)


def test_dropout_and_drop_path_reach_the_layers():
    model = keras_mvit.create_model(
        "mobilevit_xxs", 2, (32, 32, 3), dropout_rate=0.3, drop_path_rate=0.2
    )
    encoder = model.get_layer("layer3_1").transformer[0]
    assert encoder.dropout_rate == 0.3
    assert encoder.drop_path_rate == 0.2
    assert model.get_layer("dropout").rate == 0.3
    own = keras_mvit.create_model("mobilevit_xxs", 2, (32, 32, 3))
    assert own.get_layer("layer3_1").transformer[0].dropout_rate == 0.05
    assert own.get_layer("dropout").rate == 0.1


def test_patch_size_ablation_of_the_paper():
    variant = dataclasses.replace(
        keras_mvit.get_variant("mobilevit_xs"), patch_sizes=(8, 4, 2)
    )
    model = keras_mvit.create_model(variant, 3, (None, None, 3))
    assert model(_image(1, 100, 70, 3)).shape == (1, 3)
    sizes = [model.get_layer(f"layer{i}_1").patch_size for i in (3, 4, 5)]
    assert sizes == [8, 4, 2]


@pytest.mark.parametrize(
    "output_stride, sizes",
    [(32, (32, 16, 8, 4, 2)), (16, (32, 16, 8, 4, 4)), (8, (32, 16, 8, 8, 8))],
)
def test_backbone_strides(output_stride, sizes):
    backbone = keras_mvit.create_backbone(
        "mobilevit_xxs", output_stride=output_stride
    )
    features = backbone(_image(1, 64, 64, 3))
    assert {k: tuple(v.shape) for k, v in features.items()} == {
        f"stride_{2**i}": (1, size, size, channels)
        for i, size, channels in zip(
            range(1, 6), sizes, (16, 24, 48, 64, 80), strict=True
        )
    }


def test_backbone_strides_of_cmt():
    features = keras_mvit.create_backbone("cmt_ti", (64, 96, 3))(
        _image(1, 64, 96, 3)
    )
    assert {k: tuple(v.shape) for k, v in features.items()} == {
        "stride_2": (1, 32, 48, 16),
        "stride_4": (1, 16, 24, 46),
        "stride_8": (1, 8, 12, 92),
        "stride_16": (1, 4, 6, 184),
        "stride_32": (1, 2, 3, 368),
    }


def test_v2_dilates_its_blocks_and_keeps_padded_sizes():
    fine = keras_mvit.create_backbone("mobilevitv2_050", output_stride=8)
    assert fine.get_layer("layer4_1").dilation_rate == 2
    assert fine.get_layer("layer5_0").dilation_rate == 2
    assert fine.get_layer("layer5_1").dilation_rate == 4
    features = keras_mvit.create_backbone("mobilevitv2_050")(
        _image(1, 224, 224, 3)
    )
    assert features["stride_32"].shape == (1, 8, 8, 256)


@pytest.mark.parametrize("kind", ["linformer", "separable"])
def test_mobilevit_with_the_other_attentions(kind):
    variant = dataclasses.replace(
        keras_mvit.get_variant("mobilevit_xxs"), attention_kind=kind
    )
    model = keras_mvit.create_model(variant, 3, (64, 64, 3))
    assert model(_image(2, 64, 64, 3)).shape == (2, 3)
    again = keras.Model.from_config(model.get_config())
    assert again.get_layer("layer3_1").attention_kind == kind


def test_compound_scaling_of_cmt():
    grown = keras_mvit.scale_cmt(1)
    assert grown.depths == (4, 4, 19, 4)
    assert grown.hidden_dims == (83, 166, 332, 664)
    assert grown.preprocessing.image_size == (256, 256)
    same = keras_mvit.scale_cmt(0)
    published = keras_mvit.get_variant("cmt_s")
    for field in ("depths", "hidden_dims", "stem_filters", "preprocessing"):
        assert getattr(same, field) == getattr(published, field)
    smallest = keras_mvit.scale_cmt(-8)
    assert smallest.depths == (1, 1, 4, 1)
    assert smallest.hidden_dims == (8, 16, 32, 64)
    assert smallest.stem_filters == 8
    assert smallest.preprocessing.image_size == (64, 64)
    small = keras_mvit.create_model(keras_mvit.scale_cmt(-3), 3, (64, 64, 3))
    assert small(_image(1, 64, 64, 3)).shape == (1, 3)


def test_drop_path_of_cmt_grows_to_its_rate():
    model = keras_mvit.create_model("cmt_ti", 2, (64, 64, 3))
    assert model.get_layer("stage1_0").drop_path_rate == 0
    assert model.get_layer("stage4_1").drop_path_rate == 0.1


def test_finer_output_stride_keeps_the_weights_meaning():
    coarse = keras_mvit.create_backbone("mobilevit_xxs", output_stride=32)
    fine = keras_mvit.create_backbone("mobilevit_xxs", output_stride=8)
    assert [w.path for w in coarse.weights] == [w.path for w in fine.weights]
    assert fine.get_layer("layer4_0").dilation_rate == 1
    assert fine.get_layer("layer5_0").dilation_rate == 2


_PLAIN = ((0, 0, 0), (1, 1, 1))
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Input, resized short side, interpolation, mean and std. MobileViT: the
# authors' released code (ml-cvnets); CMT: theirs (CMT.pytorch).
_EVALUATION = {
    "mobilevit": (256, 288, "bilinear", *_PLAIN),
    "mobilevitv2": (256, 288, "bicubic", *_PLAIN),
    "cmt_ti": (160, 182, "bicubic", *_IMAGENET),
    "cmt_xs": (192, 219, "bicubic", *_IMAGENET),
    "cmt_s": (224, 256, "bicubic", *_IMAGENET),
    "cmt_b": (256, 292, "bicubic", *_IMAGENET),
}


@pytest.mark.parametrize("name", keras_mvit.list_models())
def test_preprocessing_of_the_papers(name):
    row = _EVALUATION.get(name) or _EVALUATION[name.split("_")[0]]
    p = keras_mvit.preprocessing(name)
    (size, width) = p.image_size
    resized = size / p.crop_fraction
    assert resized == pytest.approx(round(resized))
    assert size == width
    assert (size, round(resized), p.interpolation, p.mean, p.std) == row
    assert p.channel_order == "rgb"


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: keras_mvit.create_model("mobilevit_m"),
            "Unknown model 'mobilevit_m'. Known models: mobilevit_xxs",
        ),
        (
            lambda: keras_mvit.create_model("mobilevit_s", num_classes=-1),
            "Received: -1",
        ),
        (
            lambda: keras_mvit.create_model("mobilevit_s", 2, (31, 64, 3)),
            r"at least 32x32 pixels. Received: input_shape=\(31, 64, 3\)",
        ),
        (
            lambda: keras_mvit.create_model("mobilevit_s", 2, (64, 64)),
            r"\(height, width, 3\).*Received: \(64, 64\)",
        ),
        (
            lambda: keras_mvit.create_model("mobilevit_s", 2, 256),
            r"\(height, width, 3\).*Received: 256",
        ),
        (
            lambda: keras_mvit.create_model(["mobilevit_s"]),
            r"Unknown model \['mobilevit_s'\]",
        ),
        (
            lambda: keras_mvit.create_backbone("mobilevit_s", output_stride=4),
            r"\(8, 16, 32\). Received: 4",
        ),
        (
            lambda: keras_mvit.create_model("cmt_ti", 2, (None, None, 3)),
            r"known size.*\(160, 160, 3\). Received: .*None",
        ),
        (
            lambda: keras_mvit.create_backbone("cmt_ti", (64, 64, 3), 16),
            "Received: output_stride=16",
        ),
        (lambda: keras_mvit.scale_cmt(100), "from -8 to 8. Received: 100"),
        (
            lambda: keras_mvit.create_model("mobilevitv2_110"),
            "Unknown model 'mobilevitv2_110'. Known models: mobilevit_xxs",
        ),
        (
            lambda: keras_mvit.create_model("mobilevit_s", weights="a.onnx"),
            "'a.onnx': accepted are .keras",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_normalize_reverses_the_channels_before_mean_and_std():
    rgb = np.float32([[[0, 0.2, 1]]])
    assert keras_mvit.preprocessing("mobilevit_s").normalize(rgb) is rgb
    row = dataclasses.replace(
        keras_mvit.preprocessing("cmt_s"),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.25),
        channel_order="bgr",
    )
    bgr = [[[1, -0.6, -2]]]
    np.testing.assert_allclose(row.normalize(rgb), bgr, rtol=1e-6)
    torch = pytest.importorskip("torch", reason="extra `bench`")
    tensor = row.normalize(torch.from_numpy(rgb))
    np.testing.assert_allclose(tensor, bgr, rtol=1e-6)


@pytest.mark.parametrize(
    "variant", ["mobilevit_xxs", "mobilevitv2_050", "cmt_ti"]
)
def test_frozen_layers_stay_frozen(variant):
    model = keras_mvit.create_model(variant, 3, (64, 64, 3))
    for layer in model.layers[:-1]:
        layer.trainable = False
    assert len(model.trainable_weights) == 2
    assert len(keras.models.clone_model(model).trainable_weights) == 2


def test_images_are_channels_last():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="Received: 'channels_first'; k"):
            keras_mvit.create_model("mobilevit_xxs")
    finally:
        keras.config.set_image_data_format("channels_last")

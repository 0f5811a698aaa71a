import dataclasses

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
    assert model.input_shape == (None, 256, 256, 3)
    assert model.output_shape == (None, 1000)


@pytest.fixture(scope="module")
def any_size():
    return keras_mvit.create_model(
        "mobilevit_xxs", num_classes=5, input_shape=(None, None, 3)
    )


@settings(max_examples=4, deadline=None)
@given(st.integers(32, 130), st.integers(32, 130), st.integers(1, 3))
def test_any_size_equals_the_static_model(any_size, height, width, batch):
    static = keras_mvit.create_model(
        "mobilevit_xxs", num_classes=5, input_shape=(height, width, 3)
    )
    static.set_weights(any_size.get_weights())
    x = _image(batch, height, width, 3)
    expected = keras.ops.convert_to_numpy(static(x))
    assert expected.shape == (batch, 5)
    np.testing.assert_allclose(
        any_size.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5
    )


def test_save_and_load_is_bit_exact(any_size, tmp_path):
    any_size.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    x = _image(2, 57, 64, 3)
    np.testing.assert_array_equal(any_size(x), revived(x))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = keras_mvit.create_model("mobilevit_xxs", 3, (None, None, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.compute_dtype == policy.removeprefix("mixed_")
    assert model.output.dtype == "float32"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss, jit_compile=False)
    x, y = _image(4, 50, 64, 3), np.array([0, 1, 2, 0])
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


def test_finer_output_stride_keeps_the_weights_meaning():
    coarse = keras_mvit.create_backbone("mobilevit_xxs", output_stride=32)
    fine = keras_mvit.create_backbone("mobilevit_xxs", output_stride=8)
    assert [w.path for w in coarse.weights] == [w.path for w in fine.weights]
    assert fine.get_layer("layer4_0").dilation_rate == 1
    assert fine.get_layer("layer5_0").dilation_rate == 2


def test_preprocessing_of_the_papers():
    p = keras_mvit.preprocessing("mobilevit_s")
    assert p.image_size == (256, 256)
    assert round(256 / p.crop_fraction) == 288
    assert (p.interpolation, p.channel_order) == ("bilinear", "rgb")
    assert (p.mean, p.std) == ((0, 0, 0), (1, 1, 1))


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
            lambda: keras_mvit.create_backbone("mobilevit_s", output_stride=4),
            r"\(8, 16, 32\). Received: 4",
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

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_mvit
from keras_mvit.analysis import count, published

SMALLEST = ("mobilevit_xxs", "mobilevitv2_050", "cmt_ti")


@pytest.fixture(scope="module", params=SMALLEST)
def model(request):
    return keras_mvit.create_model(request.param)


def _model(shape, *stack):
    inputs = x = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


def test_published_figures(model):
    assert (
        published.misses(keras_mvit.get_variant(model.name), count(model)) == []
    )


@pytest.mark.large
@pytest.mark.parametrize("name", sorted({*keras_mvit.list_models()}))
def test_published_figures_of_all(name):
    counted = count(keras_mvit.create_model(name))
    assert published.misses(keras_mvit.get_variant(name), counted) == []


def test_misses_are_named():
    variant = keras_mvit.get_variant("mobilevit_xxs")
    counted = count(keras_mvit.create_model("mobilevit_xxs"))
    wrong = dataclasses.replace(variant, parameters=variant.parameters + 1)
    (message,) = published.misses(wrong, counted)
    assert "1,272,024" in message and "1,272,025" in message
    wrong = dataclasses.replace(variant, gmacs=0.98 * 0.407)
    (message,) = published.misses(wrong, counted)
    assert "0.407" in message and "2%" in message


def test_sums(model):
    counted = count(model)
    for whole in (counted, *counted.parts):
        for field in ("parameters", "macs"):
            parts = [getattr(part, field) for part in whole.parts]
            assert sum(parts) == getattr(whole, field)
        peak = max(part.peak_bytes for part in whole.parts)
        assert peak == whole.peak_bytes
    assert counted.parameters == sum(
        np.prod(w.shape) for w in model.trainable_weights
    )


def test_stages(model):
    strides = [4, 8, 16, 32] if model.name == "cmt_ti" else [2, 4, 8, 16, 32]
    names = ["stem", *(f"stride_{s}" for s in strides), "head"]
    counted = count(model)
    assert [stage.name for stage in counted.parts] == names
    assert str(counted).splitlines()[-1].startswith(model.name)
    head = [layer.name for layer in counted.parts[-1].parts]
    assert head[-3:] == ["pool", "dropout", "classifier"]


def test_the_model_is_left_as_it_was(model):
    before = [len(layer._inbound_nodes) for layer in model.layers]
    call, symbolic = keras.Layer.__call__, keras.Operation.symbolic_call
    count(model)
    assert [len(layer._inbound_nodes) for layer in model.layers] == before
    assert keras.Layer.__call__ is call
    assert keras.Operation.symbolic_call is symbolic


@pytest.mark.parametrize(
    "layer, macs",
    [
        (layers.Conv2D(5, 3), 6 * 8 * 5 * 9 * 4),
        (layers.Conv2D(6, 3, padding="same", groups=2), 8 * 10 * 6 * 9 * 2),
        (layers.DepthwiseConv2D(3, strides=2), 3 * 4 * 4 * 9),
        (layers.SeparableConv2D(5, 3), 6 * 8 * (4 * 9 + 4 * 5)),
        (layers.Conv2DTranspose(5, 3, strides=2), 8 * 10 * 4 * 9 * 5),
        (layers.Dense(7), 8 * 10 * 4 * 7),
        (layers.EinsumDense("bhwc,cd->bhwd", (8, 10, 7)), 8 * 10 * 4 * 7),
        (layers.BatchNormalization(), 0),
        (layers.BatchNormalization(scale=False), 0),
        (layers.GroupNormalization(2), 0),
        (layers.Activation("hard_silu"), 0),
        (layers.Rescaling(1 / 255), 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers(layer, macs):
    model = _model((8, 10, 4), layer)
    counted = count(model)
    assert counted.macs == macs
    outputs = model.outputs[0].shape[1:]
    assert counted.peak_bytes >= 4 * max(8 * 10 * 4, np.prod(outputs))


@pytest.mark.parametrize(
    "layer, products",
    [
        (keras_mvit.layers.MultiHeadSelfAttention(2), 2 * 60 * 60 * 8),
        (
            keras_mvit.layers.LinformerSelfAttention(2, projected_tokens=5),
            2 * 5 * 60 * 8 + 2 * 60 * 5 * 8,
        ),
        (keras_mvit.layers.SeparableSelfAttention(), 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_attention_products(layer, products):
    model = _model((3, 60, 8), layer)  # three sequences of 60 tokens
    dense = sum(np.prod(w.shape) for w in (layer.qkv.kernel, layer.proj.kernel))
    assert count(model).macs == 3 * (60 * dense + products)


def test_lightweight_attention_products():
    layer = keras_mvit.layers.LightweightMultiHeadSelfAttention(2, 2)
    projections = 2 * 48 * 64 + 2 * 12 * 64
    reduction = 12 * 4 * 8
    products = 2 * 48 * 12 * 8
    counted = count(_model((6, 8, 8), layer))
    assert counted.macs == projections + reduction + products


def test_keras_attention():
    inputs = keras.Input((6, 10, 8))
    x = layers.Reshape((60, 8))(inputs)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    counted = count(keras.Model(inputs, x))
    assert counted.macs == 4 * 60 * 64 + 2 * 60 * 60 * 8


def test_another_project_s_model():
    # 300 M multiply-adds and 3.5 M parameters (MobileNetV2, table 4).
    counted = count(keras.applications.MobileNetV2(weights=None))
    assert counted.parameters == 3_504_872
    assert counted.macs == pytest.approx(300e6, rel=0.01)


def test_a_model_in_a_model():
    inner = _model((8, 8, 3), layers.Conv2D(4, 3, name="inner"))
    counted = count(_model((8, 8, 3), inner, layers.Flatten()))
    assert counted.parts[0].parts[0].name == "inner"
    assert counted.macs == 6 * 6 * 4 * 27


def test_a_layer_called_twice():
    conv = layers.Conv2D(3, 1)
    once, twice = (count(_model((8, 8, 3), *[conv] * n)) for n in (1, 2))
    assert twice.macs == 2 * once.macs
    assert twice.parameters == once.parameters == 12


def test_frozen_layers_count():
    model = _model((8, 8, 3), layers.Conv2D(3, 1), layers.BatchNormalization())
    model.trainable = False
    assert count(model).parameters == 12 + 6


def test_image_size():
    backbone = keras_mvit.create_backbone("mobilevit_xxs")
    square, wide = (count(backbone, s).macs for s in (64, (64, 128)))
    assert 2 * square < wide < 2.2 * square  # attention grows faster
    with pytest.raises(ValueError, match="open.*image_size.*None, None"):
        count(backbone)
    assert count(backbone, np.int64(64)).macs == square
    for size in (64.0, (1, 2, 3), 0, "64"):
        with pytest.raises(ValueError, match="an int or .height, width.*Recei"):
            count(backbone, size)
    with pytest.raises(ValueError, match=r"built for.*160.*image_size=224"):
        count(keras_mvit.create_model("cmt_ti", 0), 224)


@pytest.mark.parametrize("model", [3, keras.Model()])
def test_what_is_no_image_model(model):
    with pytest.raises(ValueError, match="functional model of one input"):
        count(model)


def test_a_model_without_layers_is_refused():
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="own has no layers"):
        count(keras.Model(image, image, name="own"))


class _Unknown(layers.Layer):
    def call(self, x):
        return ops.tensordot(x, ops.ones((3, 4)), 1)


class _ForeignCode(layers.Layer):
    def call(self, x):
        return ops.convert_to_tensor(np.asarray(x))

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize(
    "layer, reason",
    [
        (_Unknown(name="odd"), "Tensordot"),
        (_ForeignCode(name="odd"), "KerasTensor"),
    ],
)
def test_what_cannot_be_counted_is_named(layer, reason):
    model = _model((8, 8, 3), layers.Conv2D(3, 1), layer)
    call = keras.Layer.__call__
    with pytest.raises(ValueError, match=f"{type(layer).__name__} 'odd'.*"):
        count(model)
    assert keras.Layer.__call__ is call
    with pytest.raises(ValueError, match=reason):
        count(model)

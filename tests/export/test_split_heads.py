import keras
import numpy as np
import pytest

from keras_mvit.export import convert, flatbuffer, quantize, split_heads
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.layers import MobileViTBlock

_SIDE = 12
_CHANNELS = 40


def _file(heads=4, patch=2, depth=1, side=_SIDE):
    """A float32 file with attention over (side / patch)^2 tokens."""
    keras.utils.set_random_seed(0)
    image = keras.Input((side, side, 3))
    x = keras.layers.Conv2D(8, 1, activation="relu6")(image)
    x = MobileViTBlock(
        _CHANNELS, 2 * _CHANNELS, depth, heads, patch, name="block"
    )(x)
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    model = keras.Model(image, x)
    for weight in model.trainable_weights:  # also biases, and sharp attention
        draw = np.random.default_rng(len(weight.shape)).normal
        weight.assign(weight + draw(0, 0.3, weight.shape))
    return convert.to_float32(model, (side, side))


@pytest.fixture
def images():
    return np.random.default_rng(0).random((20, _SIDE, _SIDE, 3), np.float32)


def _quantized(content, images, monkeypatch, cached, **settings):
    with monkeypatch.context() as patch:
        patch.setattr(split_heads, "_CACHED_SCORES", cached)
        return quantize.quantize_file(
            content, settings.pop("name", "int8"), images, **settings
        )


def _count(content, name):
    return [op.name for op in flatbuffer.operators(content)].count(name)


@pytest.mark.parametrize(
    ("heads", "patch", "depth", "cached", "parts"),
    [
        (4, 2, 1, 36**2 * 4, 1),  # all sequences of a head at once
        (4, 2, 2, 36**2 * 3, 2),  # two at once: they must divide four
        (4, 2, 1, 36**2 * 2, 2),
        (5, 2, 1, 36**2, 4),
        (2, 2, 1, 10, 4),  # not even one fits
        (2, 3, 1, 16**2 * 3, 3),
    ],
)
def test_answers_stay_the_same(
    heads, patch, depth, cached, parts, images, monkeypatch
):
    content = _file(heads, patch, depth)
    whole = _quantized(content, images, monkeypatch, 2**30)
    made = _quantized(content, images, monkeypatch, cached)
    assert _count(whole, "BATCH_MATMUL") == 2 * depth
    assert _count(made, "BATCH_MATMUL") == 2 * depth * heads * parts
    # Those of unfolding stay, and one of all values.
    moved = _count(whole, "TRANSPOSE") - _count(made, "TRANSPOSE")
    assert moved == depth * 4
    results = [LiteRTModel(one).predict(images) for one in (whole, made)]
    np.testing.assert_array_equal(*results)
    assert len(np.unique(results[0])) > 20
    assert LiteRTModel(made).num_partitions == 1


def test_of_a_paper_s_size(monkeypatch):
    """MobileViT's 256 tokens outgrow the cache, the next stage's 64 do not."""
    for side, products in ((32, 16), (16, 2)):
        images = np.zeros((1, side, side, 3), np.float32)
        images[0, 0] = 1
        made = quantize.quantize_file(_file(side=side), "int8", images)
        assert _count(made, "BATCH_MATMUL") == products


def test_what_could_not_be_concatenated_stays(images, monkeypatch):
    content = _file(heads=8)
    made = _quantized(content, images, monkeypatch, 36**2)
    assert _count(made, "BATCH_MATMUL") == 2
    assert LiteRTModel(made).num_partitions == 1


@pytest.mark.parametrize("name", ["float32", "dynamic", "int8_full"])
def test_other_formats_stay(name, images, monkeypatch):
    made = _quantized(_file(), images, monkeypatch, 36, name=name)
    assert _count(made, "BATCH_MATMUL") == 2


@pytest.mark.parametrize("layer", ["query", "value", "MatMul", "softmax"])
def test_attention_partly_in_float_stays_right(layer, images, monkeypatch):
    content = _file()
    outputs = {
        name
        for op in flatbuffer.operators(content)
        for name in op.outputs
        if f"/attention/{layer}" in name
    }
    assert outputs
    whole, made = (
        _quantized(content, images, monkeypatch, cached, float_outputs=outputs)
        for cached in (2**30, 36)
    )
    results = [LiteRTModel(one).predict(images) for one in (whole, made)]
    np.testing.assert_array_equal(*results)
    split = _count(made, "BATCH_MATMUL") > 2
    assert split == (layer == "softmax")  # float anyway

import keras

from keras_mvit.export import convert, flatbuffer
from keras_mvit.export.layers import _called, find_layers


def test_layers_are_called_as_in_the_model(source, float32_file):
    names = [layer.name for layer in find_layers(float32_file, source.model)]
    for part in ("stem", "depthwise", "features", "classifier"):
        assert part in names
    assert [name for name in names if name.startswith("block/transformer")]


def test_a_merged_classifier_keeps_its_name():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="stem")(image)
    x = keras.layers.Conv2D(16, 1, name="head")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(3, name="classifier")(x)
    model = keras.Model(image, x, name="model")
    found = find_layers(convert.to_float32(model, (8, 8)), model)
    assert [layer.name for layer in found] == ["stem", "classifier"]


def test_names_that_would_be_twice_stay():
    assert _called(["a_1", "a", "b_1"], {"a", "b"}) == ["a_1", "a", "b_1"]
    assert _called(["a_1", "a_1_1"], {"a", "a_1"}) == ["a", "a_1"]


def test_layers_hold_each_operator_once(float32_file):
    layers = find_layers(float32_file)
    assert len({layer.name for layer in layers}) == len(layers)
    outputs = [output for layer in layers for output in layer.outputs]
    assert outputs == [
        output
        for op in flatbuffer.operators(float32_file)
        for output in op.outputs
    ]


def test_large_scopes_are_divided(float32_file):
    names = [layer.name for layer in find_layers(float32_file)]
    for part in ("stem", "depthwise", "features", "classifier"):
        (name,) = [name for name in names if part in name]
        assert "/" not in name
    inside = [name for name in names if name.startswith("block")]
    assert len(inside) > 3
    assert all(name.count("/") == 1 for name in inside)
    assert any("transformer" in name for name in inside)

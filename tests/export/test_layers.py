from keras_mvit.export import flatbuffer
from keras_mvit.export.layers import find_layers


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

import keras
import numpy as np
import pytest

from keras_mvit.export import convert, flatbuffer, quantize, quantize_recipe


def test_normalization_is_found_by_what_it_does():
    image = keras.Input((8, 8, 3))
    x = keras.layers.LayerNormalization(name="any_name")(image)
    x = keras.layers.Conv2D(4, 3, name="norm")(x)
    x = keras.layers.GroupNormalization(2, name="another")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    content = convert.to_float32(keras.Model(image, x, name="m"), (8, 8))
    scopes = quantize_recipe.normalization_scopes(content)
    assert len(scopes) == 2
    assert "another" in scopes[0]
    assert "any_name" in scopes[1]


def _normalized(x):
    """Over the root of its mean square, by no layer."""
    squares = keras.ops.mean(keras.ops.square(x), -1, keepdims=True)
    return x * keras.ops.rsqrt(squares + 1e-6)


def _divided(x):
    squares = keras.ops.mean(keras.ops.square(x), -1, keepdims=True)
    return x / keras.ops.sqrt(squares + 1e-6)


def _in_a_model(x):
    y = keras.Input(x.shape[1:])
    z = keras.layers.Dense(8, activation="relu", name="inner")(y)
    return keras.Model(y, _normalized(z), name="nested")(x)


@pytest.mark.parametrize("normalized", [_normalized, _divided, _in_a_model])
def test_a_root_outside_of_layers_leaves_their_operators_int8(normalized):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(4, name="dense")(normalized(x))
    content = convert.to_float32(keras.Model(image, x), (8, 8))
    assert quantize_recipe.normalization_scopes(content) == []
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    int8 = quantize.quantize_file(content, "int8", images)
    dtypes = {op.name: op.results[0].dtype for op in flatbuffer.operators(int8)}
    assert dtypes["CONV_2D"] == dtypes["FULLY_CONNECTED"] == "int8"
    assert dtypes["RSQRT"] == "float32"

import keras

from keras_mvit.export import convert, quantize_recipe


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

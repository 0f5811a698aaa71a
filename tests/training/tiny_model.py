"""Stands in for the real models, which take long to trace.

As a program it is `keras_mvit.training.train` with this model.
"""

import keras

import keras_mvit


def create_model(name, num_classes, input_shape, dropout_rate=None, **rates):
    """A few layers; those called xs have no batch normalization."""
    layers = keras.layers
    normalization = [layers.BatchNormalization(name="bn")]
    return functional(
        input_shape,
        # A bias that is normalized away would follow rounding errors.
        layers.Conv2D(4, 3, strides=4, use_bias=False, name="conv"),
        *(normalization if name != "mobilevit_xs" else []),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dropout(0.1 if dropout_rate is None else dropout_rate),
        layers.Dense(num_classes, dtype="float32", name="classifier"),
    )


def functional(input_shape, *layers):
    """The model of some layers, one after the other."""
    image = x = keras.Input(input_shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def main():
    from keras_mvit.training.train import run

    keras_mvit.create_model = create_model
    run()


if __name__ == "__main__":
    main()

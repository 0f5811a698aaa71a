"""What every layer of the package must be able to do."""

import keras
import numpy as np
from numpy.testing import assert_array_equal


def run_layer_test(cls, init_kwargs, input_shape, expected_output_shape):
    """Check one layer: config, shapes, saving, training, mixed precision.

    Args:
        cls: a Layer class of the package, called with one (B, ...) tensor.
        init_kwargs: dict. Arguments of `__init__`.
        input_shape: tuple. With the batch, 2 at least.
        expected_output_shape: tuple. With the batch.
    """
    x = np.random.default_rng(0).normal(size=input_shape).astype("float32")
    layer = cls(**init_kwargs)
    assert tuple(layer(x).shape) == expected_output_shape
    assert layer.compute_output_shape(input_shape) == expected_output_shape

    _check_config(cls, layer, init_kwargs)
    if len(input_shape) == 4:
        _check_unknown_sizes(layer, x)
    _check_saving(layer, x)
    for policy in ("float32", "mixed_float16"):
        _check_training(cls, init_kwargs, x, policy)


def _check_config(cls, layer, init_kwargs):
    config = layer.get_config()
    assert {key: config[key] for key in init_kwargs} == init_kwargs
    again = cls.from_config(config)
    assert again.get_config() == config
    # The whole way, through JSON and the registry.
    revived = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(revived) is cls
    assert revived.get_config() == config


def _check_unknown_sizes(layer, x):
    inputs = keras.Input((None, None, x.shape[-1]))
    model = keras.Model(inputs, layer(inputs))
    expected = keras.ops.convert_to_numpy(layer(x))
    # predict runs the graph traced with unknown sizes.
    np.testing.assert_allclose(
        model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4
    )


def _check_saving(layer, x):
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    revived = keras.Model.from_config(model.get_config())
    revived.set_weights(model.get_weights())
    assert_array_equal(
        keras.ops.convert_to_numpy(model(x)),
        keras.ops.convert_to_numpy(revived(x)),
    )


def _check_training(cls, init_kwargs, x, policy):
    inputs = keras.Input(x.shape[1:])
    layer = cls(**init_kwargs, dtype=policy)
    outputs = layer(inputs)
    assert outputs.dtype == layer.compute_dtype
    model = keras.Model(inputs, outputs)
    if not model.trainable_weights:
        return
    model.compile("sgd", "mse", run_eagerly=True)  # one step: no trace
    target = np.zeros((len(x), *outputs.shape[1:]), "float32")
    assert np.isfinite(model.train_on_batch(x, target))
    for weight in model.trainable_weights:
        assert np.isfinite(keras.ops.convert_to_numpy(weight)).all()
        assert weight.dtype == "float32"

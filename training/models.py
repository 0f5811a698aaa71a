"""The model of a run, ready for `fit`, and its average."""

import contextlib

import keras

import keras_mvit
from keras_mvit.training.settings import MIXED_PRECISION

_INPUT_SHAPE = (None, None, 3)  # one model for all sizes


def make_models(settings, num_classes, schedule):
    """The trained model and the one that will hold its average.

    Args:
        settings: `Settings`.
        num_classes: int.
        schedule: learning rate schedule.

    Returns:
        (keras.Model, keras.Model): the trained one, compiled, with its
        optimizer's variables made; the average, float32, with equal weights
        and not compiled.
    """
    keras.utils.set_random_seed(settings.seed)
    with _dtype_policy(MIXED_PRECISION[settings.mixed_precision]):
        model = keras_mvit.create_model(
            settings.model,
            num_classes=num_classes,
            input_shape=_INPUT_SHAPE,
            weights=settings.weights,
        )
        model.compile(
            # Keras's decay is decoupled: w -= learning_rate * decay * w.
            optimizer=keras.optimizers.AdamW(
                schedule, weight_decay=settings.weight_decay, epsilon=1e-8
            ),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=settings.label_smoothing
            ),
            metrics=[keras.metrics.CategoricalAccuracy(name="top1")],
            jit_compile=settings.jit_compile,
        )
    model.optimizer.build(model.trainable_variables)
    with _dtype_policy("float32"):
        average = keras_mvit.create_model(
            settings.model, num_classes=num_classes, input_shape=_INPUT_SHAPE
        )
    average.set_weights(model.get_weights())
    return model, average


def state_variables(model, average):
    """All that changes during training, named for a checkpoint.

    Args:
        model: compiled `keras.Model`, its optimizer built.
        average: `keras.Model`.

    Returns:
        dict of str to `keras.Variable`: weights, states of random generators,
        optimizer, averaged weights.
    """
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "average": average.weights,
    }
    # Numbered: the names Keras gives depend on what else the process has made.
    return {
        f"{group}/{index:04d}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


@contextlib.contextmanager
def _dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

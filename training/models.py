"""The model of a run, ready for `fit`, and its average."""

import contextlib
import os
from typing import NamedTuple

import keras

import keras_mvit
from keras_mvit.training.distribution import ALONE
from keras_mvit.training.fused_kernels import use_fused_kernels
from keras_mvit.training.live_state import inner_optimizer
from keras_mvit.training.quantize_aware import quantize_aware
from keras_mvit.training.settings import MIXED_PRECISION

_MOMENTUM = 0.9
# The group of `state_variables` that depends on how many steps make an update.
GRADIENTS = "gradients"


class Models(NamedTuple):
    """The models of a run.

    Attributes:
        trained: `keras.Model`, compiled, its optimizer's variables made.
        average: `keras.Model`, not compiled: float32, with equal weights, on
            the first device of each process. It will hold the average.
        saved: `keras.Model`: `average`, or of a quantization-aware one the
            ordinary model whose weights it computes with.
    """

    trained: keras.Model
    average: keras.Model
    saved: keras.Model


def make_models(
    settings,
    pipeline,
    schedule,
    accumulation_steps=1,
    distribution=ALONE,
    begun=False,
):
    """The trained model and the one that will hold its average.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`. Of the batches and classes.
        schedule: learning rate schedule.
        accumulation_steps: int. Steps whose gradients make one update.
        distribution: `Distribution`. On whose devices the trained one is.
        begun: bool. Whether a checkpoint follows: then the weights that the
            run began with, which may be gone, are not read.

    Returns:
        `Models`.

    Raises:
        ValueError: layers that cannot be quantized; names them.
    """
    keras.utils.set_random_seed(settings.seed)
    weights = None if begun else settings.weights
    num_classes = len(pipeline.source.class_names)
    with distribution.scope():
        model = _compiled_model(
            settings, pipeline, schedule, accumulation_steps, weights
        )
    with _dtype_policy("float32"):
        saved = _create_model(settings, num_classes)
    average = saved
    if settings.quantize_aware:
        average = quantize_aware(saved, settings.image_size)
    average.set_weights(model.get_weights())
    return Models(model, average, saved)


def _compiled_model(settings, pipeline, schedule, accumulation_steps, weights):
    with _dtype_policy(MIXED_PRECISION[settings.mixed_precision]):
        model = _create_model(settings, len(pipeline.source.class_names))
    if weights:
        load_pretrained(model, os.path.expanduser(weights))
    if settings.quantize_aware:
        model = quantize_aware(model, settings.image_size)
    else:
        batch_sizes = [bucket.batch_size for bucket in pipeline.buckets]
        use_fused_kernels(model, () if settings.jit_compile else batch_sizes)
    on_jax = keras.backend.backend() == "jax"
    model.compile(
        optimizer=make_optimizer(settings, model, schedule, accumulation_steps),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="top1")],
        jit_compile=on_jax or settings.jit_compile,  # without it, JAX crawls
    )
    model.optimizer.build(model.trainable_variables)
    return model


def make_optimizer(settings, model, schedule, accumulation_steps=1):
    """The optimizer of a recipe, not yet built.

    Args:
        settings: `Settings`, resolved.
        model: `keras.Model`.
        schedule: learning rate schedule, of single steps.
        accumulation_steps: int. Steps whose gradients make one update.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    common = {
        "global_clipnorm": settings.clip_norm or None,
        "gradient_accumulation_steps": (
            accumulation_steps if accumulation_steps > 1 else None
        ),
    }
    if settings.optimizer == "sgd":
        # The papers' decay is added to the gradient, and the momentum sums it
        # up; Keras's is decoupled: w -= learning_rate * decay * w.
        decay = settings.weight_decay / (1 - _MOMENTUM)
        optimizer = keras.optimizers.SGD(
            schedule, momentum=_MOMENTUM, weight_decay=decay, **common
        )
    else:
        optimizer = keras.optimizers.AdamW(
            schedule,
            weight_decay=settings.weight_decay,
            epsilon=1e-8,
            **common,
        )
    if not settings.decay_norm_and_bias:
        optimizer.exclude_from_weight_decay(
            [v for v in model.trainable_variables if len(v.shape) < 2]
        )
    return optimizer


def load_pretrained(model, path):
    """Loads weights; a classifier of other classes keeps its random ones.

    Args:
        model: `keras.Model` of `create_model`.
        path: str. A file as `create_model(weights=path)` takes it.

    Raises:
        ValueError: the rest of the file does not fit either.
    """
    try:
        keras_mvit.weights.load_weights(model, path)
    except ValueError as misfit:
        headless = keras.Model(
            model.inputs, model.get_layer("pool").output, name=model.name
        )
        try:
            keras_mvit.weights.load_weights(headless, path)
        except ValueError:
            raise misfit from None
        print(f"{path}: its classifier is of other classes and left out.")


def state_variables(model, average):
    """All that changes during training, named for a checkpoint.

    Args:
        model: compiled `keras.Model`, its optimizer built.
        average: `keras.Model`.

    Returns:
        dict of str to `keras.Variable`: weights, states of random generators,
        optimizer, sums of gradients for its next update, averaged weights.
    """
    sums = _sums_of_gradients(model.optimizer)
    others = {id(variable) for variable in sums}
    groups = {
        "model": model.variables,
        "optimizer": [
            v for v in model.optimizer.variables if id(v) not in others
        ],
        GRADIENTS: sums,
        "average": average.weights,
    }
    # Numbered: the names Keras gives depend on what else the process has made.
    return {
        f"{group}/{index:04d}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def go_to_step(model, step):
    """Lets a model go on as if it had been trained for so many steps.

    Args:
        model: compiled `keras.Model`, its optimizer built.
        step: int. Rounded down to a whole update.
    """
    sums = _sums_of_gradients(model.optimizer)
    for variable in sums:
        variable.assign(keras.ops.zeros_like(variable))
    inner = inner_optimizer(model.optimizer)
    accumulated = inner.gradient_accumulation_steps or 1
    inner.variables[0].assign(step // accumulated * accumulated)


def _sums_of_gradients(optimizer):
    variables = inner_optimizer(optimizer).variables
    return [v for v in variables if v.name.endswith("gradient_accumulator")]


def _create_model(settings, num_classes):
    size = None  # one model for all sizes
    if not keras_mvit.get_variant(settings.model).any_size:
        size = settings.image_size
    return keras_mvit.create_model(
        settings.model,
        num_classes=num_classes,
        input_shape=(size, size, 3),
        dropout_rate=settings.dropout_rate,
        drop_path_rate=settings.drop_path_rate,
    )


@contextlib.contextmanager
def _dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

"""Settings that the user left open: from the recipe, the data, the model."""

import dataclasses

import keras

from keras_mvit.training.recipes import get_recipe
from keras_mvit.training.settings import MIN_IMAGE_SIZE


def resolve(settings, source, variant):
    """Settles what was left to the recipe, the data set and the model.

    Args:
        settings: `Settings`.
        source: `Source`.
        variant: `keras_mvit.models.Variant` of the model.

    Returns:
        `Settings` of which only `weights`, `init_workdir`, `dropout_rate`,
        `drop_path_rate` and `deterministic` may be `None`.

    Raises:
        ValueError: the recipe is not for the model, several sizes are asked
            of a model or a recipe that has one, or quantization-aware training
            without a trained model or in mixed precision.
    """
    name = settings.recipe
    if settings.quantize_aware:
        _check_quantize_aware(settings)
        name = "quantize_aware" if name == "auto" else name
    elif name == "quantize_aware":
        raise ValueError(
            "recipe is 'quantize_aware' and quantize_aware is False; expected"
            " --quantize_aware with --init_workdir, the run to go on from"
        )
    recipe = get_recipe(name, settings.model, settings.weights)
    if settings.multi_scale and not variant.any_size:
        raise ValueError(
            f"{settings.model} is built for one image size: multi_scale must "
            "be False, got True"
        )
    native = source.image_size or variant.preprocessing.image_size[0]
    size = settings.image_size or recipe.image_size or native
    on_jax = keras.backend.backend() == "jax"
    multi_scale = (
        recipe.multi_scale and variant.any_size and not settings.quantize_aware
    )
    if settings.multi_scale is None and not multi_scale:
        _check_no_scales(settings, name)
    # Of two that give a field, the earlier one counts.
    resolved = _filled(
        settings,
        {
            "multi_scale": multi_scale,
            "whole_batches": on_jax or settings.jit_compile,
        },
    )
    resolved = _filled(resolved, _learning_rates(settings, recipe))
    resolved = _filled(resolved, _phases(settings, recipe))
    resolved = _filled(resolved, recipe.settings())
    resolved = _filled(resolved, _of_data_and_model(size, source, variant))
    resolved = dataclasses.replace(resolved, recipe=name, dataset=source.name)
    if resolved.multi_scale:
        return resolved
    return dataclasses.replace(
        resolved,
        num_scales=1,
        size_divisor=1,
        min_image_size=size,
        max_image_size=size,
    )


def _of_data_and_model(size, source, variant):
    return {
        "image_size": size,
        "crop_fraction": variant.preprocessing.crop_fraction,
        "interpolation": variant.preprocessing.interpolation,
        "min_image_size": max(MIN_IMAGE_SIZE, size * 5 // 8),
        "max_image_size": size * 5 // 4,
        "size_divisor": 32 if size >= 128 else 16,
        "crop_scale": source.augmentation.crop_scale,
        "horizontal_flip": source.augmentation.horizontal_flip,
    }


def _learning_rates(settings, recipe):
    """Those of the recipe, in proportion to the batch or the peak given."""
    batch_size = settings.batch_size or recipe.batch_size
    scale = batch_size / recipe.batch_size
    if settings.learning_rate:
        scale = settings.learning_rate / recipe.learning_rate
    names = ("learning_rate", "final_learning_rate", "warmup_learning_rate")
    # To so many digits that 3e-4 / 20 is 1.5e-5.
    return {
        name: float(f"{getattr(recipe, name) * scale:.12g}") for name in names
    }


def _phases(settings, recipe):
    """Warm-up and cool-down of the recipe, in proportion for a short run.

    Such is one that they would take more than half of.
    """
    share = 1.0
    epochs = settings.epochs or recipe.epochs
    if recipe.warmup_epochs + recipe.cooldown_epochs > epochs / 2:
        share = min(1.0, epochs / recipe.epochs)
    return {
        "warmup_epochs": recipe.warmup_epochs * share,
        "cooldown_epochs": int(recipe.cooldown_epochs * share),
    }


def _filled(settings, values):
    """A copy whose `None`s are replaced."""
    unset = {k: v for k, v in values.items() if getattr(settings, k) is None}
    return dataclasses.replace(settings, **unset)


def _check_no_scales(settings, recipe):
    for name in ("min_image_size", "max_image_size"):
        value = getattr(settings, name)
        if value is not None:
            raise ValueError(
                f"Recipe {recipe} trains {settings.model} at one size: {name} "
                f"must be None without multi_scale, got {value}"
            )


def _check_quantize_aware(settings):
    if not settings.init_workdir:
        raise ValueError(
            "quantize_aware trains a trained model on: name its work "
            "directory with init_workdir, got None"
        )
    for name, value in (("multi_scale", False), ("mixed_precision", "none")):
        if getattr(settings, name) not in (value, None):
            raise ValueError(
                f"With quantize_aware {name} must be {value}: an int8 file "
                f"is of one size and type; got {getattr(settings, name)}"
            )

"""What a run is going to do, for people."""

from keras_mvit.training.recipe import RECIPE_SETTINGS
from keras_mvit.training.recipes import get_recipe

_MANY_IMAGES = 50_000  # below this, the papers' recipes are no good choice


def describe(settings, pipeline):
    """The run in a few lines.

    Args:
        settings: `Settings`, resolved.
        pipeline: `Pipeline`.

    Returns:
        str.
    """
    source = pipeline.source
    sizes = ", ".join(
        f"{bucket.size_px} px x {bucket.batch_size}"
        for bucket in pipeline.buckets
    )
    lines = [
        f"{settings.model} on {settings.dataset}: "
        f"{len(source.class_names)} classes, "
        f"{source.num_images['train']} training and "
        f"{source.num_images['test']} test images",
        *describe_recipe(settings),
        f"Batches of {sizes}; {_updates(settings, pipeline)}"
        f"evaluation at {settings.image_size} px",
    ]
    few = source.num_images["train"] < _MANY_IMAGES
    if few and settings.recipe != "finetune" and settings.epochs >= 100:
        lines.append(
            "Note: this recipe is for a million images; --recipe=finetune is "
            "for a few thousand."
        )
    return "\n".join(lines)


def describe_recipe(settings):
    """The recipe, and what differs from it.

    Args:
        settings: `Settings`, resolved.

    Returns:
        list of str: lines.
    """
    recipe = get_recipe(settings.recipe, settings.model, settings.weights)
    own = {
        name: getattr(settings, name)
        for name in RECIPE_SETTINGS
        if getattr(recipe, name) is not None
        and getattr(settings, name) != getattr(recipe, name)
    }
    head = (
        f"Recipe {recipe.name} ({recipe.source}): {settings.epochs} epochs, "
        f"{settings.optimizer}, batch {settings.batch_size}, learning rate "
        f"{settings.learning_rate:.3g} to {settings.final_learning_rate:.3g}, "
        f"weight decay {settings.weight_decay:g}"
    )
    if not own:
        return [head]
    return [head, "Differs: " + ", ".join(f"{k}={v}" for k, v in own.items())]


def _updates(settings, pipeline):
    steps = settings.accumulation_steps(pipeline.batch_size_divisor)
    return f"{steps} of them an update; " if steps > 1 else ""

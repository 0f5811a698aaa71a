"""Training: data, multi-scale batches, and runs that leave a work directory.

The names below are loaded when first used, so that the commands can set
TensorFlow up before it is imported.
"""

import importlib

_MODULES = {
    "Augmentation": "data.augmentation",
    "Bucket": "data.multiscale",
    "DivergedError": "callbacks",
    "EpochPlan": "data.multiscale",
    "Pipeline": "data.pipeline",
    "Recipe": "recipes",
    "Settings": "settings",
    "Source": "data.source",
    "WarmupCosine": "schedule",
    "WeightAverage": "weight_average",
    "evaluate_workdir": "evaluation",
    "get_recipe": "recipes",
    "make_buckets": "data.multiscale",
    "make_source": "data.make_source",
    "plan_epoch": "data.multiscale",
    "train_model": "run",
}
__all__ = list(_MODULES)


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    return getattr(module, name)

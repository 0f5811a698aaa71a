"""MobileViT v1, MobileViTv2 and CMT in Keras 3."""

from keras_mvit import layers
from keras_mvit.models import (
    create_backbone,
    create_model,
    get_variant,
    list_models,
    preprocessing,
)
from keras_mvit.weights import load_reference_weights

__version__ = "0.1.0"

__all__ = [
    "create_backbone",
    "create_model",
    "get_variant",
    "layers",
    "list_models",
    "load_reference_weights",
    "preprocessing",
]

"""The variants of the papers and the functions that build them."""

from keras_mvit.models.cmt import scale_cmt
from keras_mvit.models.factory import create_backbone, create_model
from keras_mvit.models.registry import get_variant, list_models, preprocessing
from keras_mvit.models.variant import Preprocessing, Variant

__all__ = [
    "Preprocessing",
    "Variant",
    "create_backbone",
    "create_model",
    "get_variant",
    "list_models",
    "preprocessing",
    "scale_cmt",
]

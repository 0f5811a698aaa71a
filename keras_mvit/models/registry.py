"""All variants by name."""

from keras_mvit.models import cmt, mobilevit, mobilevitv2
from keras_mvit.models.variant import Variant

_VARIANTS = {
    v.name: v for v in mobilevit.VARIANTS + mobilevitv2.VARIANTS + cmt.VARIANTS
}


def list_models():
    """Return the names that `create_model` knows, smallest first a family."""
    return list(_VARIANTS)


def get_variant(variant):
    """Return a row of the variant tables.

    Args:
        variant: str or Variant. A name of `list_models()`. A row is returned
            as it is, so `dataclasses.replace` makes ablations:
            `replace(get_variant("mobilevit_xs"), patch_sizes=(8, 4, 2))`.

    Returns:
        Variant.

    Raises:
        ValueError: the name is unknown.
    """
    if isinstance(variant, Variant):
        return variant
    if not isinstance(variant, str) or variant not in _VARIANTS:
        raise ValueError(
            f"Unknown model {variant!r}. Known models: "
            f"{', '.join(list_models())}."
        )
    return _VARIANTS[variant]


def preprocessing(name):
    """Return how images become the input of a variant's published weights.

    Args:
        name: str or Variant. One of `list_models()`.

    Returns:
        Preprocessing: image_size, crop_fraction, interpolation, mean, std and
        channel_order.

    Raises:
        ValueError: the name is unknown.
    """
    return get_variant(name).preprocessing

"""Frozen layers that stay frozen."""


def pass_on_trainable(layer):
    """Freeze the parts of a frozen layer, at the end of its `build`.

    A layer that is loaded or cloned is told that it is frozen before it makes
    its parts.

    Args:
        layer: keras.layers.Layer.
    """
    if not layer.trainable:
        for part in layer._flatten_layers(include_self=False):
            part.trainable = False

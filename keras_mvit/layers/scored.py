"""Layers that are asked for context scores."""


def check_scored(layer):
    """Raise a ValueError unless `layer` can give context scores.

    Args:
        layer: keras.layers.Layer. Its `depth`, where it has one, is the
            number of its transformer layers.
    """
    if not layer.built:
        raise ValueError(
            f"{layer.name} has no weights before it is called or built, and no "
            "context scores."
        )
    if getattr(layer, "depth", 1) < 1:
        raise ValueError(
            f"{layer.name} has no transformer layer, and no context scores. "
            f"Received: depth={layer.depth}"
        )

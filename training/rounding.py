"""Where an int8 file rounds: layers taken apart, and roundings put between."""

import collections

import keras
from keras import ops

from keras_mvit import layers
from keras_mvit.training.fake_quantize import (
    KERNEL_LAYERS,
    FakeQuantize,
    FixedQuantize,
    FrozenNormalization,
    QuantizedKernel,
)

_KERAS = keras.layers

# What only moves values: the file has them in the steps they came in.
_MOVING_LAYERS = (
    _KERAS.Dropout,
    _KERAS.Flatten,
    _KERAS.Reshape,
    _KERAS.ZeroPadding2D,
    layers.DropPath,
    layers.PatchFold,
    layers.PatchUnfold,
)
_MOVING_OPS = (
    "Cast", "ConvertToTensor", "ExpandDims", "GetItem", "Reshape", "Split",
    "Squeeze", "Transpose",
)  # fmt: skip
# What computes, in int8 or in float; either way an int8 tensor comes out.
_COMPUTING_LAYERS = (
    _KERAS.Add,
    _KERAS.AveragePooling2D,
    _KERAS.Concatenate,
    _KERAS.GlobalAveragePooling2D,
    _KERAS.GroupNormalization,
    _KERAS.LayerNormalization,
    _KERAS.MaxPooling2D,
    _KERAS.Multiply,
    _KERAS.ReLU,
    _KERAS.Subtract,
    layers.LayerNorm2D,
    layers.RelativePositionBias,
)
# A convolution or projection computes these itself.
_FUSED_ACTIVATIONS = (keras.activations.linear, keras.activations.relu)


def round_within(layer, inputs, scope, unknown):
    """Calls what a layer consists of, with roundings in between.

    Each operation's result is rounded, unless it only moves values. What a
    convolution gives to a batch normalization is not: the file has the two as
    one. The weights are those of the layer.

    Args:
        layer: `keras.layers.Layer` made of layers and operations.
        inputs: list of symbolic tensors, rounded.
        scope: str. The layer's path with a slash behind; empty of a model.
        unknown: list of str, to which those parts are added of which it is
            not known how an int8 file computes them.

    Returns:
        The symbolic output.
    """
    fresh = [
        keras.Input(batch_shape=x.shape, dtype=x.dtype, name=f"input_{index}")
        for index, x in enumerate(inputs)
    ]
    parts = keras.Model(fresh, layer.call(*fresh))
    rounded = keras.models.clone_model(
        parts,
        clone_function=lambda part: part,
        call_function=_Rounding(scope, unknown),
    )
    # A model of its own, so that names repeat within it only.
    return keras.Model(rounded.inputs, rounded.outputs[0], name=layer.name)(
        inputs
    )


class _Rounding:
    """Calls the parts of one layer, one after the other."""

    def __init__(self, scope, unknown):
        self._scope = scope
        self._unknown = unknown
        self._counts = collections.Counter()
        # By id of what a kernel layer returned: as it was before it was
        # rounded, and the layer's name.
        self._convolved = {}

    def __call__(self, part, *args, **kwargs):
        """Returns what the part returns, rounded."""
        kind = type(part).__name__
        if isinstance(part, _MOVING_LAYERS) or kind in _MOVING_OPS:
            return part(*args, **kwargs)
        name = self._name(part)
        if _is_kernel_layer(part):
            x = QuantizedKernel(part)(*args)
            rounded = self._round(x, name)
            self._convolved[id(rounded)] = x, name
            return rounded
        if isinstance(part, _KERAS.BatchNormalization):
            # Folded into a kernel it is a part of that layer.
            x, name = self._convolved.get(id(args[0]), (args[0], name))
            return self._round(FrozenNormalization(part)(x), name)
        if _is_composite(part):
            scope = f"{self._scope}{name}/"
            return round_within(part, list(args), scope, self._unknown)
        if isinstance(part, _KERAS.Layer):
            if not isinstance(part, _COMPUTING_LAYERS):
                self._unknown.append(f"{self._scope}{name} ({kind})")
            return self._round(part(*args, **kwargs), name)
        if kind == "Silu":  # LiteRT has no such operator
            sigmoid = FixedQuantize(name=f"{name}_sigmoid")(ops.sigmoid(*args))
            return self._round(args[0] * sigmoid, name)
        if kind == "Matmul" and all(map(keras.backend.is_keras_tensor, args)):
            args = [
                self._round(x, f"{name}_input_{index}", symmetric=True)
                for index, x in enumerate(args)
            ]
            return self._round(part(*args), name, symmetric=True)
        return self._round(part(*args, **kwargs), name)

    def _name(self, part):
        if isinstance(part, _KERAS.Layer):
            return part.name
        # Keras numbers operations through the whole process.
        kind = type(part).__name__.lower()
        self._counts[kind] += 1
        return f"{kind}_{self._counts[kind]}"

    def _round(self, x, name, symmetric=False):
        path = self._scope + name
        return FakeQuantize(path, symmetric, name=f"{name}_range")(x)


def _is_kernel_layer(part):
    return type(part) in KERNEL_LAYERS and part.activation in _FUSED_ACTIVATIONS


def _is_composite(part):
    """Whether it computes by nothing but its sublayers and operations."""
    if isinstance(part, keras.Model):
        return True
    if not isinstance(part, _KERAS.Layer):
        return False
    registered = keras.saving.get_registered_name(type(part))
    inner = part._flatten_layers(include_self=False)
    inner_weights = {id(w) for layer in inner for w in layer.weights}
    return (
        registered.startswith("keras_mvit>")
        and not isinstance(part, _COMPUTING_LAYERS)
        and all(id(weight) in inner_weights for weight in part.weights)
    )

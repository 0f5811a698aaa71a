"""TensorFlow's fused kernels in a model's training step."""

import keras

from keras_mvit import layers


def use_fused_kernels(model, batch_sizes=()):
    """Lets a model train by fewer passes over its maps, where it can.

    The model stays what it was: same weights, same mathematics, same config;
    evaluated or saved it is as before. Without TensorFlow nothing happens.

    Args:
        model: `keras.Model`, not yet traced.
        batch_sizes: sequence of int. Those worth compiling for.
    """
    if keras.backend.backend() != "tensorflow":
        return
    from keras_mvit.training import (
        compiled,
        fused_activations,
        fused_attention,
        fused_batch_norm,
        fused_layer_norm,
        fused_layer_norm_2d,
    )

    batch_sizes = compiled.batch_sizes_here(batch_sizes)
    fused = {
        keras.layers.BatchNormalization: (
            fused_batch_norm.FusedBatchNormalization
        ),
        keras.layers.LayerNormalization: (
            fused_layer_norm.make_layer_norm(batch_sizes)
        ),
        layers.LayerNorm2D: (
            fused_layer_norm_2d.make_layer_norm_2d(batch_sizes)
        ),
        layers.MultiHeadSelfAttention: (
            fused_attention.FusedMultiHeadSelfAttention
        ),
        layers.LightweightMultiHeadSelfAttention: (
            fused_attention.FusedLightweightMultiHeadSelfAttention
        ),
    }
    activations = fused_activations.make_activations(batch_sizes)
    for layer in model._flatten_layers():
        layer.__class__ = fused.get(type(layer), type(layer))
        if getattr(layer, "activation", None) in activations:
            layer.activation = activations[layer.activation]

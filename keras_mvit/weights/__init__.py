"""Reference checkpoints and Keras files into our models, or not at all."""

from keras_mvit.weights.loading import load_reference_weights, load_weights

__all__ = ["load_reference_weights", "load_weights"]

"""Keras model -> float32 LiteRT file: static shape, batch 1, builtin ops."""

import re
import tempfile

from keras_mvit.export import merge_convolutions
from keras_mvit.quiet import quiet

INPUT_NAME = "image"
OUTPUT_NAME = "logits"
SIGNATURE = "serving_default"


def static_model(model, image_size):
    """Rebuilds a functional model for one image of one size, in float32.

    A static shape is what the converter needs to fold shape arithmetic into
    constants: with a dynamic batch the file has half as many operators again
    and falls apart into many delegate partitions.

    Args:
        model: functional keras.Model with one image input, or a
            keras.Sequential, under any dtype policy.
        image_size: (int, int). Height and width in pixels.

    Returns:
        A keras.Model with its own copy of the weights: (1, H, W, 3) in.

    Raises:
        ValueError: the model is not functional, has several inputs or
            outputs, or takes something else than an RGB image.
    """
    import keras

    check_functional(model)
    check_image_to_logits(model)
    (old,) = model.inputs
    image = keras.Input(  # named as before, for models that take a dict
        batch_shape=(1, *image_size, 3), name=old.name, dtype="float32"
    )
    return _clone(model, as_input(model, image))


def as_input(model, image):
    """Returns a tensor in the structure that a model takes: [x], {"a": x}, x.

    Args:
        model: functional keras.Model with one input, or a keras.Sequential.
        image: tensor or array.
    """
    import keras

    if isinstance(model, keras.Sequential):
        return image
    return keras.tree.pack_sequence_as(model.input, [image])


def in_float32(model):
    """Returns a model that computes in float32: itself, or else a copy."""
    import keras

    dtypes = {
        layer.compute_dtype
        for layer in model._flatten_layers()
        if not isinstance(layer, (keras.Model, keras.layers.InputLayer))
    }
    return model if dtypes == {"float32"} else _clone(model)


def _clone(model, inputs=None):
    import keras

    clone = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=_float32, recursive=True
    )
    clone.set_weights(model.get_weights())
    for layer in clone._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its weights
    return clone


def check_functional(model):
    """Raises `ValueError` where the layers of a model cannot be known."""
    import keras

    if not isinstance(model, keras.Model) or not hasattr(model, "inputs"):
        raise ValueError(
            "Expected a functional keras.Model, or a keras.Sequential of known"
            f" input shape; got {model!r}"
        )


def check_image_to_logits(model):
    """Raises `ValueError` unless a model takes one image, returns one tensor.

    Args:
        model: functional keras.Model.
    """
    import keras

    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"Model {model.name!r} has {len(model.inputs)} inputs and"
            f" {len(model.outputs)} outputs; expected one of each"
        )
    is_sequential = isinstance(model, keras.Sequential)  # of tensors only
    if not is_sequential and not hasattr(model.output, "shape"):
        raise ValueError(
            f"Model {model.name!r} returns a {type(model.output).__name__};"
            " expected a tensor, as keras.Model(model.inputs, model.outputs[0])"
            " does"
        )
    if len(model.inputs[0].shape) != 4 or model.inputs[0].shape[-1] != 3:
        raise ValueError(
            f"Model {model.name!r} takes {model.inputs[0].shape}; expected"
            " images (batch, height, width, 3)"
        )


def to_float32(model, image_size):
    """Converts a Keras model to a float32 LiteRT flatbuffer.

    Blocks of this package are rewritten first: see `rewrite.deploy_form`; then
    pointwise convolutions are merged, across blocks: `merge_convolutions`.
    The file has the signature `serving_default` with `image` (1, H, W, 3)
    and `logits`.

    Args:
        model: functional keras.Model, as in `static_model`.
        image_size: (int, int). Height and width in pixels.

    Returns:
        bytes.

    Raises:
        ValueError: Keras runs on another backend than TensorFlow, or the
            model needs an op that LiteRT has no builtin for; the message
            names the op.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()!r}; export needs"
            " KERAS_BACKEND=tensorflow"
        )
    from keras_mvit.export.rewrite import deploy_form

    with quiet(), tempfile.TemporaryDirectory() as folder:
        deployed = deploy_form(static_model(model, image_size))
        _save(deployed, image_size, folder)
        content = _convert(folder, model.name)
    return merge_convolutions.merge(content)


def _float32(layer):
    import keras

    config = layer.get_config()
    if isinstance(layer, keras.layers.Layer) and "dtype" in config:
        config["dtype"] = "float32"
    return layer.__class__.from_config(config)


def _save(model, image_size, folder):
    """Writes a SavedModel whose signature names input and output.

    Weights are constants there: to save, load and freeze variables takes
    longer than all the rest of a conversion.
    """
    import keras
    import tensorflow as tf

    image = tf.TensorSpec((1, *image_size, 3), tf.float32, name=INPUT_NAME)
    weights = [(v, tf.convert_to_tensor(v)) for v in model.variables]

    @tf.function(input_signature=[image], autograph=False)
    def serve(image):
        with keras.StatelessScope(state_mapping=weights):
            logits = model(as_input(model, image), training=False)
            return {OUTPUT_NAME: logits}

    module = tf.Module()
    # What layers may have beside Keras's variables.
    module.left = serve.get_concrete_function().graph.variables
    tf.saved_model.save(module, folder, signatures={SIGNATURE: serve})


def _convert(folder, name):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    # Never SELECT_TF_OPS: a phone cannot run what it would let through.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return converter.convert()
    except Exception as error:
        # The converter's own error type is not public. Its text lists the
        # ops as `TF Select ops: Erf, ...` or `Custom ops: ...`.
        ops = re.findall(r"(?:TF Select|Custom) ops: (.*)", str(error))
        if not ops:
            raise
        raise ValueError(
            f"Model {name!r} uses ops that LiteRT has no builtin for:"
            f" {'; '.join(ops)}"
        ) from error

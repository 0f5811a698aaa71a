"""From a variant's name to a Keras model."""

import numbers

import keras
import numpy as np
from keras import layers

from keras_mvit.layers import initializers
from keras_mvit.models.registry import get_variant
from keras_mvit.weights import load_weights

MIN_SIZE = 32  # the deepest stride: the last map has at least one pixel
OUTPUT_STRIDES = (8, 16, 32)


def create_model(
    variant,
    num_classes=1000,
    input_shape=None,
    classifier_activation=None,
    dropout_rate=None,
    drop_path_rate=None,
    weights=None,
    name=None,
):
    """Return an image classifier as a functional Keras model.

    Args:
        variant: str or Variant. One of `keras_mvit.list_models()`.
        num_classes: int. Outputs of the classifier; 0 leaves it out, and the
            model returns pooled features. Defaults to 1000.
        input_shape: (height, width, 3). Unknown sizes are None:
            `(None, None, 3)` serves every size. Defaults to the variant's.
        classifier_activation: str, callable or None. None returns logits.
        dropout_rate: float. In the transformers and before the classifier.
            None: the variant's own.
        drop_path_rate: float. None: the variant's own.
        weights: str or None. Path of a `.keras` or `.weights.h5` file of this
            variant, or of a published checkpoint (`.safetensors`, `.npz`,
            `.pt`). None: initialized at random.
        name: str. Defaults to the variant's name.

    Returns:
        keras.Model. Images (B, H, W, 3) in, (B, num_classes) out. Images are
        as `keras_mvit.preprocessing(variant)` says.

    Raises:
        ValueError: unknown variant, impossible input shape or number of
            classes, or weights that do not fit exactly.

    Example:
        >>> model = create_model("mobilevit_xxs", num_classes=10)
        >>> model(keras.ops.ones((1, 256, 256, 3))).shape
        (1, 10)
    """
    variant = get_variant(variant)
    if not isinstance(num_classes, numbers.Integral) or num_classes < 0:
        raise ValueError(
            "`num_classes` must be a positive int, or 0 for no classifier. "
            f"Received: {num_classes!r}"
        )
    inputs = _image_input(variant, input_shape)
    features = _features(variant, inputs, 32, dropout_rate, drop_path_rate)
    x = variant.head(features["stride_32"])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if num_classes:
        if dropout_rate is None:
            dropout_rate = variant.classifier_dropout_rate
        x = layers.Dropout(dropout_rate, name="dropout")(x)
        # Logits in float32 under any dtype policy: a loss needs the range.
        x = layers.Dense(
            int(num_classes),
            kernel_initializer=initializers.linear_kernel(),
            activation=classifier_activation,
            dtype="float32",
            name="classifier",
        )(x)
    model = keras.Model(inputs, x, name=name or variant.name)
    if weights is not None:
        load_weights(model, weights)
    return model


def create_backbone(
    variant,
    input_shape=(None, None, 3),
    output_stride=32,
    dropout_rate=None,
    drop_path_rate=None,
    weights=None,
    name=None,
):
    """Return a feature extractor for dense prediction.

    Args:
        variant: str or Variant. One of `keras_mvit.list_models()`.
        input_shape: (height, width, 3). Defaults to (None, None, 3).
        output_stride: int. 32, or 16 or 8 for finer last maps: strides become
            dilations. Defaults to 32.
        dropout_rate: float. None: the variant's own.
        drop_path_rate: float. None: the variant's own.
        weights: str or None. As in `create_model`; the classifier and the
            last 1x1 convolution of the file are left out.
        name: str. Defaults to the variant's name and "_backbone".

    Returns:
        keras.Model. Images (B, H, W, 3) in; a dict of maps out, "stride_2",
        "stride_4", "stride_8", "stride_16", "stride_32", named by the depth
        of the network, also where `output_stride` makes them finer.

    Raises:
        ValueError: as `create_model`, or an unknown `output_stride`.

    Example:
        >>> backbone = create_backbone("mobilevit_xxs")
        >>> backbone(keras.ops.ones((1, 64, 96, 3)))["stride_32"].shape
        (1, 2, 3, 80)
    """
    variant = get_variant(variant)
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f"`output_stride` must be one of {OUTPUT_STRIDES}. Received: "
            f"{output_stride!r}"
        )
    inputs = _image_input(variant, input_shape)
    features = _features(
        variant, inputs, output_stride, dropout_rate, drop_path_rate
    )
    model = keras.Model(
        inputs, features, name=name or f"{variant.name}_backbone"
    )
    if weights is not None:
        load_weights(model, weights)
    return model


def _image_input(variant, input_shape):
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            "Keras' image_data_format must be 'channels_last'. Received: "
            f"{data_format!r}; keras.config.set_image_data_format changes it"
        )
    if input_shape is None:
        input_shape = (*variant.preprocessing.image_size, 3)
    if np.shape(input_shape) != (3,) or input_shape[-1] != 3:
        raise ValueError(
            "`input_shape` must be (height, width, 3), None where a size is "
            f"unknown. Received: {input_shape!r}"
        )
    if any(s is not None and s < MIN_SIZE for s in input_shape[:2]):
        raise ValueError(
            f"{variant.name} needs images of at least {MIN_SIZE}x{MIN_SIZE} "
            f"pixels. Received: input_shape={input_shape}"
        )
    return keras.Input(tuple(input_shape), name="image")


def _features(variant, inputs, output_stride, dropout_rate, drop_path_rate):
    if dropout_rate is None:
        dropout_rate = variant.dropout_rate
    if drop_path_rate is None:
        drop_path_rate = variant.drop_path_rate
    return variant.backbone(inputs, output_stride, dropout_rate, drop_path_rate)

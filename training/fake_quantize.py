"""Layers that round as an int8 file does, by TFMOT's quantizers.

The gradient passes through a rounding unchanged, and not at all where a value
is cut off (Jacob et al., CVPR 2018, https://arxiv.org/abs/1712.05877).
"""

import functools

import keras
import tensorflow as tf
from keras import ops

from keras_mvit.training.tfmot import tfmot

_NUM_BITS = 8


class FakeQuantize(keras.layers.Layer):
    """Rounds a tensor to 256 steps of a range, which follows the batches.

    Before it is trained, `calibrating` widens the range to all it sees.

    Args:
        path: str. What the tensor is called in `quantization.json`.
        symmetric: bool. Whether the range's middle is zero, as of what an int8
            matrix product multiplies.
        **kwargs: `name` and the like, for `keras.layers.Layer`.

    Attributes:
        calibrating: bool.
        range: (float, float). The least and the greatest value.
    """

    def __init__(self, path, symmetric=False, **kwargs):
        super().__init__(**kwargs)
        self.tensor_path = path
        self.calibrating = False
        kinds = _quantizers()
        options = {
            "num_bits": _NUM_BITS,
            "per_axis": False,
            "symmetric": symmetric,
            "narrow_range": symmetric,
        }
        self._widen = kinds.AllValuesQuantizer(**options)
        self._follow = kinds.MovingAverageQuantizer(**options)

    def build(self, input_shape):
        """Create the range."""
        self._range = self._follow.build(
            input_shape, "range", _VariableMaker(self)
        )
        self.built = True

    def call(self, x, training=None):
        """Return `x`, rounded."""
        if self.calibrating:
            return self._widen(x, training=True, weights=self._range)
        return self._follow(x, training=bool(training), weights=self._range)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape

    @property
    def range(self):
        """(float, float). The least and the greatest value."""
        return tuple(float(self._range[k]) for k in ("min_var", "max_var"))


class FixedQuantize(keras.layers.Layer):
    """Rounds a tensor to 256 steps from 0 to 1, the sigmoid's in LiteRT."""

    def call(self, x):
        """Return `x`, rounded."""
        return tf.quantization.fake_quant_with_min_max_args(
            x, min=0.0, max=255 / 256, num_bits=_NUM_BITS
        )

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape


class QuantizedKernel(keras.layers.Layer):
    """A convolution or projection whose kernel is rounded, per channel.

    A batch normalization that follows need not be folded into the kernel
    first: its factor of a channel scales kernel and steps alike.

    Args:
        layer: Conv2D, DepthwiseConv2D or Dense. Its weights are used.
    """

    def __init__(self, layer):
        super().__init__(name=layer.name)
        self.layer = layer
        self._product = _PRODUCTS[type(layer)]
        self._quantizer = _quantizers().LastValueQuantizer(
            num_bits=_NUM_BITS, per_axis=True, symmetric=True, narrow_range=True
        )

    def build(self, input_shape):
        """Create the kernel's ranges."""
        self._range = self._quantizer.build(
            self._channels_last(self.layer.kernel).shape,
            "kernel",
            _VariableMaker(self),
        )
        self.built = True

    def call(self, x):
        """Return what the layer returns, with the rounded kernel."""
        layer = self.layer
        x = self._product(layer, x, self._rounded())
        if layer.use_bias:
            x = x + layer.bias
        return layer.activation(x)

    def compute_output_shape(self, input_shape):
        """Return the layer's."""
        return self.layer.compute_output_shape(input_shape)

    def _rounded(self):
        kernel = tf.convert_to_tensor(self.layer.kernel)
        # Also in evaluation the steps are those of the kernel as it is now.
        rounded = self._quantizer(
            self._channels_last(kernel), training=True, weights=self._range
        )
        return ops.reshape(rounded, kernel.shape)

    def _channels_last(self, kernel):
        if isinstance(self.layer, keras.layers.DepthwiseConv2D):
            return ops.reshape(kernel, (1, *kernel.shape[:2], -1))
        return kernel


class FrozenNormalization(keras.layers.Layer):
    """A batch normalization by the statistics it has, in training as well.

    Args:
        layer: BatchNormalization. Its scale and offset are trained on.
    """

    def __init__(self, layer):
        super().__init__(name=layer.name)
        self.layer = layer

    def call(self, x):
        """Return the normalized tensor."""
        return self.layer(x, training=False)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`."""
        return input_shape


def _convolve(layer, x, kernel, convolution=ops.conv):
    return convolution(
        x,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format=layer.data_format,
    )


def _project(layer, x, kernel):
    del layer
    return ops.matmul(x, kernel)


_PRODUCTS = {
    keras.layers.Conv2D: _convolve,
    keras.layers.DepthwiseConv2D: functools.partial(
        _convolve, convolution=ops.depthwise_conv
    ),
    keras.layers.Dense: _project,
}
KERNEL_LAYERS = tuple(_PRODUCTS)


class _VariableMaker:
    """Stands for the Keras 2 layer that TFMOT's quantizers expect."""

    def __init__(self, layer):
        self._layer = layer

    def add_weight(self, name, shape, initializer, trainable):
        """The TensorFlow variable of a new Keras 3 one, which starts at 0."""
        del initializer  # a range of any data; ours is calibrated
        shape = () if shape is None else (shape,)
        return self._layer.add_weight(
            name=name, shape=shape, initializer="zeros", trainable=trainable
        ).value


def _quantizers():
    return tfmot().quantization.keras.quantizers

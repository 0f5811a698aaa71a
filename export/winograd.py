"""3x3 convolutions with a third fewer products, by Winograd's F(2, 3).

Two neighbours in a row of the result need 6 products with a row of the kernel,
or 4 with sums of its weights and sums of pixels (Lavin & Gray, "Fast Algorithms
for Convolutional Neural Networks", CVPR 2016, section 4.1,
https://arxiv.org/abs/1509.09308). XNNPACK has no such convolution; said in its
own operators it still takes three quarters of the time.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing
from keras_mvit.export.float_graph import FloatGraph

# Four pixels of a row -> what is multiplied.
_PIXELS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
# A row of the kernel -> what it is multiplied by; the last one's sign is such
# that the results are p0 + (p1 + p2) and (p1 - p2) + p3.
_KERNEL = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, -2]]) / 2
# With fewer channels the sums cost what the products save.
_MIN_CHANNELS = 48
# Weights are a third more, whose bytes small maps would not repay.
_MIN_PIXELS = 128
_ONCE_A_ROW = {"strideH": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def split(content):
    """Replaces the 3x3 convolutions of a float32 file that gain by it.

    Those have stride 1, "same" padding, at least 48 channels in and out, and
    maps of even width with at least 128 pixels. Their results keep their
    names, and change by rounding errors only. For CPUs: GPU delegates use
    Winograd's products by themselves, and only see them in a whole
    convolution.

    Args:
        content: bytes.

    Returns:
        bytes.
    """
    model = packing.unpack(content)
    graph = FloatGraph(model)
    splitter, operators = _Splitter(graph), []
    for operator in graph.operators:
        gains = _gains(graph, operator)
        operators += splitter.split(operator) if gains else [operator]
    if len(operators) == len(graph.operators):
        return content
    graph.operators = operators
    packing.drop_unused(model)
    return packing.pack(model)


def _gains(graph, operator):
    if graph.kind(operator) != "CONV_2D" or not graph.has_weights(operator):
        return False
    options = operator.builtinOptions
    _, height, width, channels = graph.shape(operator.inputs[0])
    units, *kernel = graph.shape(operator.inputs[1])
    return (
        kernel == [3, 3, channels]  # and not of a group
        and options.padding == schema.Padding.SAME
        and options.strideH == options.strideW == 1
        and options.dilationHFactor == options.dilationWFactor == 1
        and width % 2 == 0
        and height * width >= _MIN_PIXELS
        and min(units, channels) >= _MIN_CHANNELS
    )


class _Splitter:
    """Makes the operators that stand for convolutions of one graph."""

    def __init__(self, graph):
        self._graph = graph
        self._shared = {}  # constants of several convolutions

    def split(self, operator):
        """Returns them for one convolution."""
        graph, output = self._graph, operator.outputs[0]
        name = graph.name(output)
        _, height, width, units = (int(size) for size in graph.shape(output))
        half = (1, height, width // 2)
        made = []

        def run(kind, inputs, label, channels, options):
            tensor = graph.add_tensor(name + b"/" + label, (*half, channels))
            made.append(graph.make(kind, inputs, tensor, options))
            return tensor

        bias = graph.add_constant(name + b"/bias", graph.bias(operator))
        kernels = np.einsum("pk,uhkc->puhc", _KERNEL, graph.weights(operator))
        products = []
        for index, kernel in enumerate(kernels):
            label = b"winograd_%d" % index
            channels = kernel.shape[-1]
            sums = run(
                "DEPTHWISE_CONV_2D",
                [
                    operator.inputs[0],
                    self._sums_of_pixels(index, channels),
                    self._zeros(channels),
                ],
                label + b"/pixels",
                channels,
                schema.DepthwiseConv2DOptionsT(
                    strideW=2, depthMultiplier=1, **_ONCE_A_ROW
                ),
            )
            weights = graph.add_constant(
                name + b"/" + label + b"/weights", kernel[:, :, None]
            )
            # Each of two neighbours has one product that the other has not.
            own = bias if index in (0, 3) else self._zeros(units)
            products.append(
                run(
                    "CONV_2D",
                    [sums, weights, own],
                    label,
                    units,
                    schema.Conv2DOptionsT(strideW=1, **_ONCE_A_ROW),
                )
            )
        first, plus, minus, last = products
        final = {
            "fusedActivationFunction": (
                operator.builtinOptions.fusedActivationFunction
            )
        }
        add, subtract = schema.AddOptionsT, schema.SubOptionsT
        left = run("ADD", [plus, minus], b"sum", units, add())
        right = run("SUB", [plus, minus], b"difference", units, subtract())
        left = run("ADD", [first, left], b"even", units, add(**final))
        right = run("ADD", [right, last], b"odd", units, add(**final))
        pairs = run(
            "CONCATENATION",
            [left, right],
            b"pairs",
            2 * units,
            schema.ConcatenationOptionsT(axis=3),
        )
        shape = schema.ReshapeOptionsT(newShape=[1, height, width, units])
        return [*made, graph.make("RESHAPE", [pairs], output, shape)]

    def _sums_of_pixels(self, index, channels):
        """Weights of a depthwise convolution over four pixels of a row."""
        row = np.repeat(_PIXELS[index][:, None], channels, axis=1)
        name = b"winograd_%d/pixels/%d" % (index, channels)
        return self._constant(name, row[None, None])

    def _zeros(self, channels):
        return self._constant(
            b"winograd/zeros/%d" % channels, np.zeros(channels)
        )

    def _constant(self, name, values):
        if name not in self._shared:
            self._shared[name] = self._graph.add_constant(name, values)
        return self._shared[name]

import pytest
import tensorflow as tf

from keras_mvit.export import delegates, flatbuffer
from keras_mvit.export.interpret import LiteRTModel
from tests.export.broken_files import convert_function


def _op(name, *inputs, dtype="float32", constant=None):
    tensors = [
        flatbuffer.Tensor(i, str(i), shape, dtype, is_constant=i == constant)
        for i, shape in enumerate(inputs)
    ]
    result = flatbuffer.Tensor(9, "9", inputs[0], dtype, False)
    return flatbuffer.Operator(0, name, True, tuple(tensors), (result,))


IMAGE = (1, 8, 8, 3)


@pytest.mark.parametrize(
    "op, reason",
    [
        (_op("ADD", IMAGE, (8, 3)), "not broadcast"),
        (_op("MUL", (8, 3), IMAGE), "not broadcast"),
        (_op("SLICE", (1, 3)), "SLICE of 2 axes"),
        (_op("BATCH_MATMUL", IMAGE, IMAGE, constant=0), "from the right"),
        (_op("BATCH_MATMUL", IMAGE, IMAGE, constant=1), "of 2 axes"),
        (_op("ADD", IMAGE, IMAGE, dtype="int16"), "no ADD of int16"),
    ],
)
def test_gpu_refuses(op, reason):
    assert reason in delegates.gpu_refusal(op)


@pytest.mark.parametrize(
    "op",
    [
        _op("ADD", IMAGE, (3,)),
        _op("ADD", IMAGE, (8, 8, 3)),
        _op("MUL", IMAGE, (1, 1)),
        _op("MUL", IMAGE, (1, 3)),
        _op("SLICE", IMAGE),
        _op("BATCH_MATMUL", IMAGE, IMAGE),
        _op("BATCH_MATMUL", IMAGE, (8, 8), constant=1),
        _op("CONV_2D", IMAGE, IMAGE, dtype="int8"),
    ],
)
def test_gpu_takes(op):
    assert delegates.gpu_refusal(op) is None


def test_xnnpack_has_no_depthwise_of_mixed_types():
    image, kernel, result = (
        flatbuffer.Tensor(0, "", IMAGE, "float32", False),
        flatbuffer.Tensor(1, "", IMAGE, "int8", True),
        flatbuffer.Tensor(2, "", IMAGE, "float32", False),
    )
    args = True, (image, kernel), (result,)
    conv = flatbuffer.Operator(0, "CONV_2D", *args)
    depthwise = flatbuffer.Operator(0, "DEPTHWISE_CONV_2D", *args)
    assert delegates.xnnpack_refusal(conv) is None
    assert delegates.xnnpack_refusal(depthwise) == (
        "XNNPACK has no DEPTHWISE_CONV_2D of float32 with int8 weights, only"
        " of float32, int8, uint8"
    )


TAKEN = (
    tf.abs, tf.cos, tf.nn.elu, tf.exp, tf.floor, tf.math.log, tf.nn.leaky_relu,
    tf.negative, tf.nn.relu, tf.nn.relu6, tf.math.rsqrt, tf.sigmoid, tf.sin,
    tf.nn.softmax, tf.sqrt, tf.square, tf.tanh,
)  # fmt: skip
LEFT = (tf.sign, tf.nn.log_softmax)


def test_the_table_agrees_with_the_runtime():
    def chain(x):
        for function in TAKEN + LEFT:
            x = function(x)
        return x

    content = convert_function(chain)
    left_out = LiteRTModel(content, num_threads=1).left_out
    operators = flatbuffer.operators(content)
    assert len(left_out) == len(LEFT) < len(operators)
    for op in operators:
        refused = delegates.xnnpack_refusal(op) is not None
        assert refused == (op.index in left_out), op


@pytest.mark.parametrize(
    "name, function",
    [
        ("REDUCE_MAX", lambda x: tf.reduce_max(x, axis=-1)),
        ("REDUCE_MIN", lambda x: tf.reduce_min(x, axis=-1)),
        ("SUM", lambda x: tf.reduce_sum(x, axis=-1)),
        ("MAX_POOL_2D", lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")),
        ("AVERAGE_POOL_2D", lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID")),
        ("MAXIMUM", lambda x: tf.maximum(x, 0.3)),
    ],
)
def test_the_table_of_int8_agrees_with_the_runtime(name, function):
    content = convert_function(
        function,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: [[tf.random.normal(IMAGE)]],
        inference_input_type=tf.int8,
        inference_output_type=tf.int8,
    )
    (op,) = flatbuffer.operators(content)
    assert op.name == name and op.inputs[0].dtype == "int8"
    left_out = LiteRTModel(content, num_threads=1).left_out
    assert (delegates.xnnpack_refusal(op) is not None) == bool(left_out)

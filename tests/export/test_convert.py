import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mvit.export import compare, convert, flatbuffer
from keras_mvit.export.interpret import LiteRTModel
from tests.export.small_model import SIZE, small_model

layers = keras.layers


def _convolution():
    image = keras.Input((None, None, 3), name="picture")
    x = layers.Conv2D(4, 3)(image)
    return image, layers.GlobalAveragePooling2D()(x)


def test_agrees_with_keras(source, float32_file):
    inputs = np.random.default_rng(0).random((3, SIZE, SIZE, 3), np.float32)
    expected = np.asarray(source.model(inputs))
    actual = LiteRTModel(float32_file).predict(inputs)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_names_and_shapes(float32_file):
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_content=float32_file).get_signature_list()
    assert signatures == {
        "serving_default": {"inputs": ["image"], "outputs": ["logits"]}
    }
    model = LiteRTModel(float32_file)
    assert model.inputs[0]["shape_signature"].tolist() == [1, SIZE, SIZE, 3]
    assert model.outputs[0]["shape_signature"].tolist() == [1, 10]


def test_static_shapes_need_no_shape_arithmetic(float32_file):
    dynamic = {"SHAPE", "PACK", "GATHER", "REDUCE_PROD"}
    assert not dynamic & set(flatbuffer.op_histogram(float32_file))


def test_any_size_and_not_square():
    content = convert.to_float32(small_model(), (32, 48))
    shape = LiteRTModel(content).inputs[0]["shape"]
    assert shape.tolist() == [1, 32, 48, 3]


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed_precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy(before)


def test_float32_from_a_mixed_precision_model(mixed_precision):
    model = small_model()
    assert model.get_layer("stem").compute_dtype != "float32"
    content = convert.to_float32(model, (SIZE, SIZE))
    assert "CAST" not in flatbuffer.op_histogram(content)


def test_a_mixed_precision_model_is_judged_in_float32(mixed_precision):
    model = small_model()
    alike = convert.in_float32(model)
    assert alike.get_layer("stem").compute_dtype == "float32"
    assert convert.in_float32(alike) is alike


def _answers(model):
    """Of Keras and of the float32 file, on noise."""
    x = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    file = LiteRTModel(convert.to_float32(model, (16, 16)))
    return np.array(model(x)), file.predict(x)


def _adapted():
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(1).random((9, 4, 4, 3)) * 3 + 2)
    return layer


class OwnLayer(layers.Layer):
    """A layer that knows of no dtype."""

    def __init__(self, name=None):
        super().__init__(name=name)

    def get_config(self):
        return {"name": self.name}

    def call(self, x):
        return 2 * x


class OwnVariable(OwnLayer):
    """A layer with a variable that Keras does not know."""

    def __init__(self, name=None):
        super().__init__(name=name)
        self.factor = tf.Variable([1.0, 2.0, 3.0])

    def call(self, x):
        return self.factor * x


@pytest.mark.parametrize(
    "middle",
    [
        [_adapted],
        [OwnLayer],
        [OwnVariable],
        [
            lambda: layers.Conv2D(8, 1, activation="relu"),
            lambda: layers.Conv2D(8, 1, groups=2),
            lambda: layers.GlobalAveragePooling2D(keepdims=False),
        ],
        [lambda: layers.Reshape((-1, 3)), lambda: layers.LSTM(4)],
    ],
    ids=["normalization", "own", "variable", "groups", "loop"],
)
def test_layers_of_users(middle):
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = image
    for make in middle:
        x = make()(x)
    logits = layers.Dense(4)(layers.Flatten()(x))
    expected, answer = _answers(keras.Model(image, logits))
    np.testing.assert_allclose(answer, expected, atol=1e-5 * expected.std())


@pytest.mark.parametrize(
    "pack",
    [lambda x: [x], lambda x: (x,), lambda x: {"picture": x}],
    ids=["list", "tuple", "dict"],
)
def test_one_image_in_any_structure(pack):
    image, x = _convolution()
    model = keras.Model(pack(image), x)
    x = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    expected = compare.Reference(model, x).logits  # without a warning
    answer = LiteRTModel(convert.to_float32(model, (8, 8))).predict(x)
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_leaves_the_model_alone(source):
    before = [w.copy() for w in source.model.get_weights()]
    static = convert.static_model(source.model, (SIZE, SIZE))
    static.set_weights([np.zeros_like(w) for w in before])
    for weight, expected in zip(
        source.model.get_weights(), before, strict=True
    ):
        np.testing.assert_array_equal(weight, expected)


def test_an_op_without_builtin_is_named():
    image, x = _convolution()
    model = keras.Model(image, keras.ops.erf(x), name="m")
    with pytest.raises(ValueError, match="no builtin for: .*Erf"):
        convert.to_float32(model, (8, 8))


def test_prints_nothing(source, capfd):
    convert.to_float32(source.model, (SIZE, SIZE))
    assert capfd.readouterr() == ("", "")


def test_refuses_what_is_no_image_classifier():
    image, x = _convolution()
    with pytest.raises(ValueError, match="Expected a functional"):
        convert.to_float32("model.keras", (8, 8))
    with pytest.raises(ValueError, match="known input shape"):
        convert.to_float32(keras.Sequential([layers.Conv2D(3, 1)]), (8, 8))
    with pytest.raises(ValueError, match="1 inputs and 2 outputs"):
        convert.to_float32(keras.Model(image, [x, x]), (8, 8))
    with pytest.raises(ValueError, match="returns a dict; expected a tensor"):
        convert.to_float32(keras.Model(image, {"logits": x}), (8, 8))
    grey = keras.Input((8, 8, 1))
    with pytest.raises(ValueError, match=r"expected images"):
        convert.to_float32(keras.Model(grey, layers.Conv2D(1, 1)(grey)), (8, 8))


def test_refuses_another_backend(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="'jax'; export needs KERAS_BACKEND"):
        convert.to_float32(small_model(), (SIZE, SIZE))

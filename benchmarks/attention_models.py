"""The attentions as models of one layer, and how to run them."""

import math

import numpy as np

from benchmarks import measuring
from keras_mvit.quiet import quiet

KINDS = ("multi_head", "linformer", "separable", "lightweight")
SR_RATIO = 8  # of the first stage of CMT
LINFORMER_TOKENS = 256  # it projects to, as in its paper


def build(kind, tokens, channels, num_heads):
    """Return an attention over one sequence, or one map, as a model.

    Args:
        kind: str. One of `KINDS`.
        tokens: int, a power of 2. For "lightweight" the pixels of a map.
        channels: int. Of a token.
        num_heads: int. Where the kind has heads.

    Returns:
        keras.Model, float32, of batch size 1.

    Raises:
        ValueError: a number of tokens that makes no map.
    """
    import keras

    if tokens < SR_RATIO**2 or tokens & (tokens - 1):
        raise ValueError(
            f"A number of tokens must be a power of 2, {SR_RATIO**2} at least. "
            f"Received: {tokens}"
        )
    shape = (1, 1, tokens, channels)  # (B, P, N, C)
    if kind == "lightweight":
        height = 2 ** (int(math.log2(tokens)) // 2)
        shape = (1, height, tokens // height, channels)
    inputs = keras.Input(batch_shape=shape)
    outputs = _layer(kind, num_heads)(inputs)
    return keras.Model(inputs, outputs, name=kind)


def _layer(kind, num_heads):
    from keras_mvit import layers

    makers = {
        "multi_head": lambda: layers.MultiHeadSelfAttention(num_heads),
        "linformer": lambda: layers.LinformerSelfAttention(
            num_heads, LINFORMER_TOKENS
        ),
        "separable": lambda: layers.SeparableSelfAttention(),
        "lightweight": lambda: layers.LightweightMultiHeadSelfAttention(
            num_heads, SR_RATIO
        ),
    }
    return makers[kind]()


def scores_gib(kind, tokens, num_heads):
    """Return the size of three copies of the scores, GiB.

    A runtime may hold scores, weights, and one more while it makes them.
    """
    keys = {
        "multi_head": tokens,
        "linformer": LINFORMER_TOKENS,
        "separable": 1,
        "lightweight": tokens // SR_RATIO**2,
    }
    return 3 * 4 * num_heads * tokens * keys[kind] / 2**30


def prepare_litert(model):
    """Make a float32 LiteRT file of a model.

    Returns:
        callable that loads it for one thread, runs it once, and returns a
        callable that runs it again.
    """
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    with quiet():
        content = tf.lite.TFLiteConverter.from_concrete_functions(
            [_compiled(model)], model
        ).convert()

    def load():
        with quiet():
            interpreter = Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
        (tensor,) = interpreter.get_input_details()
        interpreter.set_tensor(tensor["index"], _noise(tensor["shape"]))
        interpreter.invoke()
        return interpreter.invoke

    return load


def prepare_keras(model):
    """Compile a Keras model into one TensorFlow function, for all cores.

    Returns:
        callable that runs it once, and returns a callable that runs it again.
    """
    import tensorflow as tf

    function = _compiled(model)
    x = tf.constant(_noise(model.inputs[0].shape))

    def run():
        function(x)[0].numpy()  # which waits for the result

    def load():
        run()
        return run

    return load


RUNTIMES = {"litert": prepare_litert, "keras": prepare_keras}


def peak_mib(kind, runtime, tokens, channels, num_heads):
    """Return the MiB to load and run an attention; best in a fresh process.

    What the runtime needs for any model is not counted.
    """
    prepare = RUNTIMES[runtime]
    prepare(build(kind, SR_RATIO**2, channels, num_heads))()  # what is fixed
    load = prepare(build(kind, tokens, channels, num_heads))
    return measuring.peak_mib(load)


def _compiled(model):
    import tensorflow as tf

    spec = tf.TensorSpec(model.inputs[0].shape, tf.float32)
    function = tf.function(lambda x: model(x, training=False))
    return function.get_concrete_function(spec)


def _noise(shape):
    return np.random.default_rng(0).standard_normal(shape, "float32")

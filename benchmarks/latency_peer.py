"""Makes one LiteRT file of a peer's model, in the peer's own Python.

    python -m benchmarks.latency_peer kimm mobilevit_xxs OUTPUT.tflite

As its users would do it best: float32, batch 1, builtin operators, logits.
The weights are random, those of normalizations too: a converter leaves out a
scale of 1, an offset of 0, and all of a branch whose scale is 0.
"""

import os
import sys
import tempfile

import numpy as np

SIZES_PX = {"cmt_ti": 160}  # all others 256


def randomize(model):
    """Give a Keras model scales and offsets that no converter leaves out."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        name = getattr(weight, "path", weight.name).split(":")[0]
        if name.rpartition("/")[2] in ("gamma", "beta"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))


def kecam(name, size_px):
    """Return the file of keras-cv-attention-models, which is Keras 2."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf
    from keras_cv_attention_models import cmt, mobilevit

    make = {
        "mobilevit_xxs": mobilevit.MobileViT_XXS,
        "mobilevit_s": mobilevit.MobileViT_S,
        "mobilevitv2_050": mobilevit.MobileViT_V2_050,
        "mobilevitv2_100": mobilevit.MobileViT_V2_100,
        "cmt_ti": cmt.CMTTiny_torch,
    }[name]
    shape = (size_px, size_px, 3)
    model = make(shape, pretrained=None, classifier_activation=None)
    randomize(model)
    function = tf.function(lambda image: model(image, training=False))
    concrete = function.get_concrete_function(
        tf.TensorSpec((1, *shape), tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [concrete], model
    )
    return converter.convert()


def kimm(name, size_px):
    """Return the file of keras-image-models, which is Keras 3."""
    import keras
    import tensorflow as tf
    from kimm import models

    make = {
        "mobilevit_xxs": models.MobileViTXXS,
        "mobilevit_s": models.MobileViTS,
        "mobilevitv2_050": models.MobileViTV2W050,
        "mobilevitv2_100": models.MobileViTV2W100,
    }[name]
    model = make(
        input_shape=(size_px, size_px, 3),
        include_preprocessing=False,
        weights=None,
        classifier_activation=None,
    )
    randomize(model)
    image = keras.InputSpec("float32", shape=(1, size_px, size_px, 3))
    builtins = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    return _written(
        lambda path: model.export(
            path,
            "litert",
            input_signature=[image],
            target_spec=builtins,
            verbose=False,
        )
    )


def timm(name, size_px):
    """Return the file of timm's PyTorch model by litert-torch."""
    import litert_torch

    from benchmarks.train_step_peer import import_timm

    torch, timm = import_timm()
    model = timm.create_model(name).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    # Images as phones have them: channels last.
    model = litert_torch.to_channel_last_io(model, args=[0])
    image = torch.rand(1, size_px, size_px, 3)
    return _written(litert_torch.convert(model, (image,)).export)


def _written(export):
    """Return what a function writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.tflite")
        export(path)
        with open(path, "rb") as file:
            return file.read()


_V1, _V2 = (
    ("mobilevit_xxs", "mobilevit_s"),
    ("mobilevitv2_050", "mobilevitv2_100"),
)
# Peer -> what makes its file, and of which models.
PEERS = {
    "kecam": (kecam, (*_V1, *_V2, "cmt_ti")),
    "kimm": (kimm, (*_V1, *_V2)),
    "timm": (timm, (*_V1, *_V2)),
}


def main(peer, name, path):
    """Write a peer's file."""
    make, _ = PEERS[peer]
    content = make(name, SIZES_PX.get(name, 256))
    with open(path, "wb") as file:
        file.write(content)


if __name__ == "__main__":
    main(*sys.argv[1:])

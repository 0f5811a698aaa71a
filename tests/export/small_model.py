"""A model of every kind of layer of MobileViT, fast to train and convert."""

import json

import keras
import numpy as np
from sklearn.datasets import load_digits

from keras_mvit.layers import ConvNormAct, MobileViTBlock

SIZE = 32
NUM_CLASSES = 10


def small_model(input_shape=(None, None, 3)):
    """Images -> 10 logits through convolutions and a MobileViT block."""
    layers = keras.layers
    image = keras.Input(input_shape, name="picture")
    x = ConvNormAct(16, 3, strides=2, name="stem")(image)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = MobileViTBlock(
        hidden_dim=16, mlp_dim=32, depth=1, num_heads=2, name="block"
    )(x)
    x = ConvNormAct(96, 3, strides=2, name="features")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(NUM_CLASSES, dtype="float32", name="classifier")(x)
    return keras.Model(image, logits, name="small")


def digits():
    """Real handwritten digits, uint8 (N, 32, 32, 3), and their labels."""
    data = load_digits()
    images = data.images.repeat(4, axis=1).repeat(4, axis=2) * (255 / 16)
    images = np.repeat(np.uint8(images)[..., None], 3, axis=-1)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], data.target[order].astype(np.int64)


def fit(model, images, labels):
    """Trains for a few seconds, enough for logits that mean something."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.8  # few steps to learn the statistics in
    model.compile(
        keras.optimizers.Adam(5e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    inputs = np.float32(images) / 255
    model.fit(inputs, labels, batch_size=32, epochs=3, verbose=0)
    return model


def write_workdir(folder):
    """Writes a work directory as docs/work-directory.md describes it."""
    keras.utils.set_random_seed(0)
    images, labels = digits()
    model = fit(small_model(), images[:1400], labels[:1400])
    model.save(folder / "model.keras")
    np.savez(folder / "calibration.npz", images=images[:64], labels=labels[:64])
    np.savez(
        folder / "test.npz", images=images[1400:1500], labels=labels[1400:1500]
    )
    (folder / "labels.txt").write_text("".join(f"{i}\n" for i in range(10)))
    preprocessing = {
        "image_size": [SIZE, SIZE],
        "crop_fraction": 0.875,
        "interpolation": "bilinear",
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "channel_order": "rgb",
    }
    (folder / "preprocessing.json").write_text(json.dumps(preprocessing))
    config = {"model": "small", "dataset": "digits", "epochs": 2}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "history.csv").write_text(
        "epoch,loss,top1,val_loss,val_top1\n1,2.0,0.5,2.2,0.4\n"
        "2,1.0,0.8,1.1,0.7\n"
    )
    return folder

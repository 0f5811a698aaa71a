import pathlib

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_sample_images

import keras_mvit
from benchmarks.half_weights import load_half, save_half

TRAINED = (
    pathlib.Path(__file__).parents[1] / "data/cifar10_mobilevit_xxs_float16.npz"
)


def _model():
    return keras_mvit.create_model("mobilevit_xxs", 10, (64, 64, 3))


def test_weights_come_back(tmp_path):
    keras.utils.set_random_seed(1)
    model = _model()
    model.save(tmp_path / "model.keras")
    save_half(str(tmp_path / "model.keras"), str(tmp_path / "half.npz"))
    loaded = load_half(
        str(tmp_path / "half.npz"),
        "mobilevit_xxs",
        input_shape=(64, 64, 3),
    )
    for weight, expected in zip(loaded.weights, model.weights, strict=True):
        assert_allclose(weight, expected, rtol=1e-3, atol=1e-7)


def test_what_float16_cannot_hold_is_refused(tmp_path):
    model = _model()
    model.weights[0].assign(np.full(model.weights[0].shape, 1e6))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="out of the range"):
        save_half(str(tmp_path / "model.keras"), str(tmp_path / "half.npz"))
    assert not (tmp_path / "half.npz").exists()


def test_the_trained_model_knows_a_part_of_a_photograph_and_its_mirror():
    model = load_half(str(TRAINED), "mobilevit_xxs", input_shape=(64, 64, 3))
    crops = [
        photograph[top : top + 256, left : left + 256]
        for photograph in load_sample_images().images
        for top in (0, 80, 160)
        for left in range(0, 384, 64)
    ]
    images = np.stack(crops)[:, 2::4, 2::4].astype("float32") / 255
    answers, mirrored = (
        np.array(model(x)).argmax(-1) for x in (images, images[:, :, ::-1])
    )
    assert np.mean(answers == mirrored) > 0.7
    assert len(set(answers)) > 2

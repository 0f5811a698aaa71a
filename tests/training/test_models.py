import keras
import numpy as np
import pytest

import keras_mvit
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.models import load_pretrained, make_optimizer
from keras_mvit.training.resolve import resolve
from keras_mvit.training.settings import Settings


def resolved(**kwargs):
    settings = Settings("run", **{"recipe": "finetune", **kwargs})
    variant = keras_mvit.get_variant(settings.model)
    return resolve(settings, make_source("digits"), variant)


def small_model():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, bias_initializer="ones", name="dense"),
            keras.layers.BatchNormalization(name="bn"),
        ]
    )
    return model


def step_without_gradient(model, optimizer):
    """What is left of each weight, as a part of it."""
    optimizer.build(model.trainable_variables)
    before = [v.numpy() for v in model.trainable_variables]
    optimizer.apply([keras.ops.zeros(v.shape) for v in before])
    return {
        v.path.rpartition("/")[2]: float(np.nanmean(v.numpy() / w))
        for v, w in zip(model.trainable_variables, before, strict=True)
        if w.any()
    }


@pytest.mark.parametrize("decays", [True, False])
@pytest.mark.parametrize("name, factor", [("adamw", 1), ("sgd", 10)])
def test_weight_decay_of_norms_and_biases(name, factor, decays):
    settings = resolved(
        optimizer=name,
        weight_decay=0.01,
        learning_rate=0.5,
        decay_norm_and_bias=decays,
    )
    model = small_model()
    left = step_without_gradient(model, make_optimizer(settings, model, 0.5))
    expected = 1 - 0.5 * 0.01 * factor
    assert left["kernel"] == pytest.approx(expected, abs=1e-6)
    assert left["bias"] == pytest.approx(expected if decays else 1, abs=1e-6)
    assert left["gamma"] == left["bias"]


def test_accumulated_gradients_equal_a_large_batch():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    y = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")

    def train(steps):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        settings = resolved(clip_norm=1.0)
        optimizer = make_optimizer(settings, model, 0.1, steps)
        model.compile(optimizer, "mse")
        model.fit(x, y, batch_size=8 // steps, shuffle=False, verbose=0)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    np.testing.assert_allclose(train(1), train(4), rtol=1e-4)
    assert not np.allclose(train(1), train(4) * 1.01)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    model = keras_mvit.create_model(
        "mobilevit_xxs", num_classes=7, input_shape=(None, None, 3)
    )
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    model.save(path)
    return model, str(path)


def test_a_classifier_of_other_classes_is_left_out(pretrained, capsys):
    old, path = pretrained
    model = keras_mvit.create_model("mobilevit_xxs", num_classes=3)
    before = model.get_layer("classifier").get_weights()
    load_pretrained(model, path)
    assert "left out" in capsys.readouterr().out
    weights = {v.path: v.numpy() for v in old.weights}
    for variable in model.weights:
        if not variable.path.startswith("classifier/"):
            np.testing.assert_array_equal(variable, weights[variable.path])
    for a, b in zip(
        before, model.get_layer("classifier").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_classifier_of_the_same_classes_is_loaded(pretrained, capsys):
    old, path = pretrained
    model = keras_mvit.create_model("mobilevit_xxs", num_classes=7)
    load_pretrained(model, path)
    assert not capsys.readouterr().out
    for a, b in zip(model.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_another_model_are_refused(pretrained):
    model = keras_mvit.create_model("mobilevit_xs", num_classes=3)
    before = model.get_weights()
    with pytest.raises(ValueError, match="does not fit mobilevit_xs"):
        load_pretrained(model, pretrained[1])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)

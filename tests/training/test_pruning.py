import dataclasses

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_mvit
from keras_mvit.training import train_model
from keras_mvit.training.pruning import largest, prunable_kernels
from tests.training.conftest import load, weights_equal
from tests.training.interrupted import interrupt, train_in_two_parts
from tests.training.tiny_model import functional


def create_model(name, num_classes, input_shape, **rates):
    """Kernels of all kinds between the first and the last."""
    layers = keras.layers
    return functional(
        input_shape,
        layers.Conv2D(8, 3, strides=4, name="first"),
        layers.DepthwiseConv2D(3, name="depthwise"),
        layers.Conv2D(10, 1, name="conv"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(20, name="dense"),
        layers.Dense(num_classes, name="last"),
    )


@pytest.fixture
def sparse(monkeypatch, settings):
    monkeypatch.setattr(keras_mvit, "create_model", create_model)
    return dataclasses.replace(settings, sparsity=0.5)


def _zeros(model):
    return {
        layer.name: float(np.mean(layer.get_weights()[0] == 0))
        for layer in model.layers
        if layer.weights
    }


def test_half_of_the_kernels_between_becomes_zero(sparse):
    train_model(sparse)
    zeros = _zeros(load(sparse))
    assert zeros == {
        "first": 0, "depthwise": 0, "conv": 0.5, "dense": 0.5, "last": 0,
    }  # fmt: skip
    assert _zeros(load(sparse, "best.keras")) == zeros


def test_without_it_there_are_none(sparse):
    train_model(dataclasses.replace(sparse, sparsity=0.0))
    assert set(_zeros(load(sparse)).values()) == {0}


@pytest.mark.large
def test_an_interrupted_run_goes_on_to_the_same_end(sparse, tmp_path):
    train_in_two_parts(sparse, 4)
    whole = dataclasses.replace(sparse, workdir=str(tmp_path / "whole"))
    train_model(whole)
    assert weights_equal(load(sparse), load(whole))


def test_together_with_rounding(sparse, tmp_path):
    train_model(sparse)
    both = dataclasses.replace(
        sparse,
        recipe="auto",
        quantize_aware=True,
        init_workdir=sparse.workdir,
        workdir=str(tmp_path / "both"),
        **dict.fromkeys(("min_image_size", "max_image_size", "warmup_epochs")),
    )
    train_model(both)
    assert _zeros(load(both)) == _zeros(load(sparse))


@pytest.mark.parametrize("before, after", [(0.0, 0.5), (0.5, 0.5)])
def test_a_run_is_prolonged_with_zeros(sparse, before, after):
    train_model(dataclasses.replace(sparse, sparsity=before))
    more = dataclasses.replace(sparse, sparsity=after, epochs=12, save_every=1)
    shares = [_zeros(load(sparse))["conv"]]
    interrupt(more, 1)
    train_model(dataclasses.replace(more, epochs=3))
    shares.append(_zeros(load(sparse))["conv"])
    assert shares == [before, after]


def test_of_a_real_model_the_first_and_last_stay():
    model = keras_mvit.create_model("mobilevit_xxs", num_classes=3)
    paths = {kernel.path for kernel in prunable_kernels(model)}
    assert len(paths) == 28 + 37 - 2
    assert not any("stem" in p or "classifier" in p for p in paths)
    assert not any("depthwise" in p for p in paths)


@given(
    st.integers(1, 60),
    st.floats(0, 0.99),
    st.integers(0, 99),
)
def test_the_smallest_go(size, sparsity, seed):
    kernel = np.random.default_rng(seed).integers(-9, 9, size).astype(float)
    mask = largest(kernel, sparsity)
    assert np.sum(~mask) == round(sparsity * size)
    if mask.any() and not mask.all():
        assert np.abs(kernel[~mask]).max() <= np.abs(kernel[mask]).min()
    # What is zero goes first: a later turn brings nothing back.
    more = largest(kernel * mask, (1 + sparsity) / 2)
    assert not (more & ~mask & (np.abs(kernel) > 0)).any()

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_mvit
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.recipe import RECIPE_SETTINGS
from keras_mvit.training.recipes import get_recipe
from keras_mvit.training.resolve import resolve
from keras_mvit.training.settings import Settings


def resolved(dataset, **kwargs):
    settings = Settings("run", dataset=dataset, **kwargs)
    variant = keras_mvit.get_variant(settings.model)
    return resolve(settings, make_source(dataset), variant)


def test_digits_have_their_own_defaults():
    settings = resolved("digits")
    assert settings.image_size == 64
    assert (settings.min_image_size, settings.max_image_size) == (40, 80)
    assert settings.size_divisor == 16
    assert settings.horizontal_flip is False


def test_photographs_have_the_models(image_folder):
    settings = resolved(f"folder:{image_folder}")
    assert settings.image_size == 256
    assert (settings.min_image_size, settings.max_image_size) == (160, 320)
    assert settings.size_divisor == 32
    assert settings.horizontal_flip is True
    assert settings.crop_scale == (0.08, 1.0)


def test_what_is_given_counts():
    settings = resolved("digits", image_size=96, horizontal_flip=True)
    assert settings.image_size == 96
    assert (settings.min_image_size, settings.max_image_size) == (60, 120)
    assert settings.horizontal_flip is True


def test_fixed_size():
    settings = resolved("digits", multi_scale=False, image_size=100)
    assert settings.min_image_size == settings.max_image_size == 100
    assert settings.num_scales == settings.size_divisor == 1


def test_batches_are_whole_where_each_shape_is_compiled(monkeypatch):
    assert resolved("digits").whole_batches is False
    assert resolved("digits", jit_compile=True).whole_batches is True
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    assert resolved("digits").whole_batches is True
    assert resolved("digits", whole_batches=False).whole_batches is False


def test_the_smallest_size():
    assert resolved("digits", image_size=32).min_image_size == 32


def test_the_recipe_fills_what_is_not_given():
    settings = resolved("digits", model="mobilevitv2_050", clip_norm=1.0)
    recipe = get_recipe("auto", "mobilevitv2_050")
    for name in RECIPE_SETTINGS:
        if name == "clip_norm":
            assert settings.clip_norm == 1.0
        elif getattr(recipe, name) is not None:
            assert getattr(settings, name) == getattr(recipe, name), name
    open_fields = {"weights", "init_workdir", "dropout_rate", "drop_path_rate"}
    open_fields.add("deterministic")
    for name, value in dataclasses.asdict(settings).items():
        assert value is not None or name in open_fields, name


@pytest.mark.parametrize("batch_size", [64, 256, 2048])
def test_learning_rates_are_in_proportion_to_the_batch(batch_size):
    settings = resolved("digits", batch_size=batch_size)
    scale = batch_size / 1024
    assert settings.learning_rate == pytest.approx(2e-3 * scale)
    assert settings.final_learning_rate == pytest.approx(2e-4 * scale)
    assert settings.warmup_learning_rate == pytest.approx(2e-4 * scale)


def test_a_peak_that_is_given_counts_whatever_the_batch():
    settings = resolved("digits", batch_size=256, learning_rate=1e-2)
    assert settings.learning_rate == 1e-2
    assert settings.final_learning_rate == pytest.approx(1e-3)
    settings = resolved("digits", learning_rate=1e-2, final_learning_rate=0.0)
    assert settings.final_learning_rate == 0


@given(
    batch=st.integers(1, 4096),
    at_once=st.integers(1, 512),
    devices=st.integers(1, 8),
)
def test_accumulated_batches(batch, at_once, devices):
    settings = Settings("run", batch_size=batch, device_batch_size=at_once)
    steps = settings.accumulation_steps(devices)
    images = settings.step_batch_size(devices)
    assert images % devices == 0
    assert images <= max(at_once * devices, devices)
    # One step less would be too much for a device.
    assert steps == 1 or batch / (steps - 1) > at_once * devices
    near = abs(steps * images - batch) <= steps * devices / 2
    assert near or images == devices


def test_cmt_has_one_size():
    settings = resolved("digits", model="cmt_ti", recipe="finetune")
    assert not settings.multi_scale and settings.num_scales == 1
    with pytest.raises(ValueError, match="built for one image size"):
        resolved("digits", model="cmt_ti", multi_scale=True)


@pytest.mark.parametrize("size", ["min_image_size", "max_image_size"])
def test_sizes_are_not_ignored(size):
    words = f"{size} must be None without multi_scale, got 320"
    for model in ("mobilevitv2_050", "cmt_ti"):
        with pytest.raises(ValueError, match=words):
            resolved("digits", model=model, **{size: 320})
    # The same flags with and without.
    for multi_scale in (True, False):
        resolved("digits", multi_scale=multi_scale, **{size: 64})


@pytest.mark.parametrize("model", ["mobilevit_s", "mobilevitv2_100", "cmt_ti"])
@pytest.mark.parametrize("epochs", [1, 2, 8, 40])
def test_few_epochs_leave_room_for_training(model, epochs):
    settings = resolved("digits", model=model, epochs=epochs)
    phases = settings.warmup_epochs + settings.cooldown_epochs
    recipe = get_recipe("auto", model)
    own = recipe.warmup_epochs + recipe.cooldown_epochs
    assert 0 < phases <= epochs / 2
    assert phases == own or own > epochs / 2
    whole = resolved("digits", model=model)
    assert whole.warmup_epochs == recipe.warmup_epochs
    given = resolved("digits", model=model, epochs=epochs, warmup_epochs=1.0)
    assert given.warmup_epochs == 1.0


def test_values_become_what_json_can_hold(tmp_path):
    settings = Settings(
        tmp_path, epochs=np.int64(3), learning_rate=np.float32(0.5)
    )
    values = dataclasses.asdict(settings)
    assert Settings(**json.loads(json.dumps(values))) == settings
    assert settings.workdir == str(tmp_path)
    with pytest.raises(ValueError, match="crop_scale must be numbers, got .*a"):
        Settings("run", crop_scale=["a", "1"])


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("epochs", 2.5, "epochs must be of type int, got 2.5"),
        ("epochs", "3", "epochs must be of type int, got '3'"),
        ("epochs", True, "epochs must be of type int, got True"),
        ("multi_scale", "no", "multi_scale must be of type bool, got 'no'"),
        ("model", 1, "model must be of type str, got 1"),
        ("crop_scale", 0.5, "crop_scale must be numbers, got 0.5"),
        ("seed", 2**32, "seed must be from 0 to below 2**32, got 4294967296"),
    ],
)
def test_of_another_type(name, value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Settings("run", **{name: value})


def test_the_augmentation_is_checked():
    settings = resolved("digits", mixup_alpha=-1.0)
    with pytest.raises(ValueError, match="mixup_alpha must be at least 0"):
        settings.augmentation()
    assert resolved("digits").augmentation().horizontal_flip is False


@pytest.mark.parametrize(
    "name, value",
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("image_size", 16),
        ("learning_rate", 0.0),
        ("warmup_epochs", -1),
        ("label_smoothing", 1.0),
        ("ema_decay", 1.0),
        ("mixed_precision", "float8"),
        ("seed", -1),
        ("learning_rate", float("inf")),
        ("weight_decay", float("nan")),
        ("clip_norm", float("inf")),
    ],
)
def test_out_of_range(name, value):
    words = re.escape(f"got {value!r}")
    with pytest.raises(ValueError, match=f"{name} must be .*{words}"):
        Settings("run", **{name: value})

import re

import pytest

import keras_mvit
from keras_mvit.training.data.make_source import make_source
from keras_mvit.training.settings import Settings


def resolve(dataset, **kwargs):
    settings = Settings("run", dataset=dataset, **kwargs)
    variant = keras_mvit.get_variant(settings.model)
    return settings.resolve(make_source(dataset), variant)


def test_digits_have_their_own_defaults():
    settings = resolve("digits")
    assert settings.image_size == 64
    assert (settings.min_image_size, settings.max_image_size) == (40, 80)
    assert settings.size_divisor == 16
    assert settings.horizontal_flip is False


def test_photographs_have_the_models(image_folder):
    settings = resolve(f"folder:{image_folder}")
    assert settings.image_size == 256
    assert (settings.min_image_size, settings.max_image_size) == (160, 320)
    assert settings.size_divisor == 32
    assert settings.horizontal_flip is True
    assert settings.crop_scale == (0.08, 1.0)


def test_what_is_given_counts():
    settings = resolve("digits", image_size=96, horizontal_flip=True)
    assert settings.image_size == 96
    assert (settings.min_image_size, settings.max_image_size) == (60, 120)
    assert settings.horizontal_flip is True


def test_fixed_size():
    settings = resolve("digits", multi_scale=False, image_size=100)
    assert settings.min_image_size == settings.max_image_size == 100
    assert settings.num_scales == settings.size_divisor == 1


def test_the_smallest_size():
    assert resolve("digits", image_size=32).min_image_size == 32


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
    ],
)
def test_out_of_range(name, value):
    words = re.escape(f"got {value!r}")
    with pytest.raises(ValueError, match=f"{name} must be .*{words}"):
        Settings("run", **{name: value})

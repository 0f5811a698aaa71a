import dataclasses

import pytest

import keras_mvit
from keras_mvit.training.recipe import RECIPE_SETTINGS
from keras_mvit.training.recipes import NAMES, RECIPES, get_recipe
from keras_mvit.training.settings import Settings

# Epochs, batch, peak and final learning rate, weight decay: the papers'.
PUBLISHED = {
    "mobilevit_xxs": (300, 1024, 2e-3, 2e-4, 0.01),
    "mobilevit_xs": (300, 1024, 2e-3, 2e-4, 0.01),
    "mobilevit_s": (300, 1024, 2e-3, 2e-4, 0.01),
    "mobilevitv2_050": (300, 1024, 9e-3, 9e-4, 0.004),
    "mobilevitv2_075": (300, 1024, 9e-3, 9e-4, 0.008),
    "mobilevitv2_100": (300, 1024, 7.5e-3, 7.5e-4, 0.013),
    "mobilevitv2_125": (300, 1024, 4.9e-3, 4.9e-4, 0.020),
    "mobilevitv2_150": (300, 1024, 3.5e-3, 3.5e-4, 0.029),
    "mobilevitv2_175": (300, 1024, 2.6e-3, 2.6e-4, 0.039),
    "mobilevitv2_200": (300, 1024, 2e-3, 2e-4, 0.050),
    # 10 epochs of cool-down more; `--lr` times batch / 512.
    "cmt_ti": (810, 2048, 8e-4 * 4, 1e-5, 0.05),
    "cmt_xs": (410, 2048, 7e-4 * 4, 2e-5, 0.04),
    "cmt_s": (310, 1024, 5e-4 * 2, 1e-5, 0.05),
    "cmt_b": (310, 512, 5e-4, 2e-5, 0.05),
}


def test_every_model_has_its_papers_recipe():
    assert set(PUBLISHED) == set(keras_mvit.list_models())
    for model, expected in PUBLISHED.items():
        recipe = get_recipe("auto", model)
        found = (
            recipe.epochs,
            recipe.batch_size,
            recipe.learning_rate,
            recipe.final_learning_rate,
            recipe.weight_decay,
        )
        assert found == pytest.approx(expected), model
        assert recipe.name == model.split("_")[0]


def test_what_the_families_do_differently():
    v1, v2, cmt = (
        get_recipe("auto", name)
        for name in ("mobilevit_s", "mobilevitv2_100", "cmt_s")
    )
    assert v1.multi_scale and not v2.multi_scale and not cmt.multi_scale
    assert v1.decay_norm_and_bias and not v2.decay_norm_and_bias
    assert (v1.clip_norm, v2.clip_norm, cmt.clip_norm) == (0, 10, 0)
    assert (v1.rand_augment_ops, v1.mixup_alpha, v1.random_erasing) == (0, 0, 0)
    assert (v2.mixup_alpha, v2.cutmix_alpha) == (0.2, 1.0)
    assert (cmt.mixup_alpha, cmt.repeats, cmt.cooldown_epochs) == (0.8, 3, 10)
    assert get_recipe("auto", "cmt_ti").ema_decay == 0
    high = get_recipe("mobilevitv2_384", "mobilevitv2_050", "weights.npz")
    assert (high.image_size, high.crop_fraction) == (384, 1.0)
    assert high.learning_rate == high.final_learning_rate


def test_every_field_of_a_recipe_is_a_setting():
    settings = {field.name: field for field in dataclasses.fields(Settings)}
    for name in RECIPE_SETTINGS:
        assert settings[name].default is None, name


def test_recipes_are_valid_settings():
    for recipe in RECIPES:
        Settings("run", **recipe.settings())


@pytest.mark.parametrize("model", keras_mvit.list_models())
def test_finetuning_depends_on_the_weights(model):
    from_weights = get_recipe("finetune", model, "weights.npz")
    from_scratch = get_recipe("finetune", model)
    assert (from_weights.trained, from_scratch.trained) == (True, False)
    assert from_weights.learning_rate == from_scratch.learning_rate / 4
    assert from_weights.name == from_scratch.name == "finetune"


def test_cmt_is_finetuned_more_gently():
    for weights in (None, "weights.npz"):
        v1 = get_recipe("finetune", "mobilevit_xxs", weights)
        v2 = get_recipe("finetune", "mobilevitv2_050", weights)
        cmt = get_recipe("finetune", "cmt_ti", weights)
        assert v1 == v2 and v1.multi_scale and not cmt.multi_scale
        assert cmt.learning_rate < v1.learning_rate


@pytest.mark.parametrize(
    "name, model, words",
    [
        ("mobilevit", "cmt_ti", "one of auto, cmt, finetune, quant"),
        ("mobilevitv2_21k", "mobilevitv2_050", "one of auto, mobilevitv2, mo"),
        ("other", "mobilevit_s", "got 'other'"),
        ("mobilevitv2_384", "mobilevitv2_050", "with --weights"),
    ],
)
def test_recipes_that_do_not_fit(name, model, words):
    with pytest.raises(ValueError, match=words):
        get_recipe(name, model)


def test_the_flag_takes_every_name():
    assert set(NAMES) == {"auto"} | {recipe.name for recipe in RECIPES}
    with pytest.raises(ValueError, match="recipe must be one of auto, mobile"):
        Settings("run", recipe="other")

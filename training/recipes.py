"""Training recipes as data: what the papers did, and what suits few images.

Sources: MobileViT, appendices A and B (https://arxiv.org/abs/2110.02178);
MobileViTv2, section 4.1 and table 9 (https://arxiv.org/abs/2206.02680); the
configurations of apple/ml-cvnets; CMT, section 4 and the commands of the
authors' repository (https://arxiv.org/abs/2107.06263, ggjy/CMT.pytorch).

Differs from them: the learning rate falls with every step and not with every
epoch, and warm-ups are given in epochs (3,000 iterations of MobileViT's 927
an epoch, 20,000 of MobileViTv2's 1,251), so that they fit any data set.
"""

from keras_mvit.training.recipe import Recipe

_MOBILEVIT = tuple(
    Recipe(
        "mobilevit",
        (model,),
        "MobileViT, appendix A; ml-cvnets v0.1",
        top1,
        epochs=300,
        batch_size=1024,
        learning_rate=2e-3,
        final_learning_rate=2e-4,
        warmup_epochs=3000 / 927,
        warmup_learning_rate=2e-4,
        weight_decay=0.01,
        decay_norm_and_bias=True,
        multi_scale=True,
        interpolation="bilinear",
    )
    for model, top1 in (
        ("mobilevit_xxs", 69.0),
        ("mobilevit_xs", 74.8),
        ("mobilevit_s", 78.4),
    )
)

_STRONG_AUGMENTATION = {
    "interpolation": "bicubic",
    "rand_augment_ops": 2,
    "random_erasing": 0.25,
    "mixup_alpha": 0.2,
    "cutmix_alpha": 1.0,
}

# Model, peak and final learning rate, weight decay, top-1.
_V2_WIDTHS = (
    ("mobilevitv2_050", 9.0e-3, 9.0e-4, 0.004, 70.18),
    ("mobilevitv2_075", 9.0e-3, 9.0e-4, 0.008, 75.56),
    ("mobilevitv2_100", 7.5e-3, 7.5e-4, 0.013, 78.09),
    ("mobilevitv2_125", 4.9e-3, 4.9e-4, 0.020, 79.65),
    ("mobilevitv2_150", 3.5e-3, 3.5e-4, 0.029, 80.38),
    ("mobilevitv2_175", 2.6e-3, 2.6e-4, 0.039, 80.84),
    ("mobilevitv2_200", 2.0e-3, 2.0e-4, 0.050, 81.17),
)

_MOBILEVITV2 = tuple(
    Recipe(
        "mobilevitv2",
        (model,),
        "ml-cvnets, imagenet/mobilevit_v2; MobileViTv2, table 9",
        top1,
        epochs=300,
        batch_size=1024,
        learning_rate=peak,
        final_learning_rate=final,
        warmup_epochs=20_000 / 1251,
        warmup_learning_rate=1e-6,
        weight_decay=decay,
        clip_norm=10.0,
        **_STRONG_AUGMENTATION,
    )
    for model, peak, final, decay, top1 in _V2_WIDTHS
)

_MOBILEVITV2_21K = tuple(
    Recipe(
        "mobilevitv2_21k",
        (model,),
        "MobileViTv2, table 9: ImageNet-21k-P, from the ImageNet-1k weights",
        None,
        trained=True,
        epochs=80,
        batch_size=4096,
        learning_rate=3e-4,
        final_learning_rate=1e-6,
        weight_decay=decay,
        clip_norm=10.0,
        **_STRONG_AUGMENTATION,
    )
    for model, _, _, decay, _ in _V2_WIDTHS[-3:]
)

_MOBILEVITV2_21K_TO_1K = tuple(
    Recipe(
        "mobilevitv2_21k_to_1k",
        (model,),
        "ml-cvnets, finetune_imagenet1k; from the ImageNet-21k-P weights",
        top1,
        trained=True,
        epochs=50,
        batch_size=256,
        optimizer="sgd",
        learning_rate=1e-2,
        final_learning_rate=1e-3,
        weight_decay=4e-5,
        clip_norm=10.0,
        **_STRONG_AUGMENTATION,
    )
    for model, top1 in (
        ("mobilevitv2_150", 81.46),
        ("mobilevitv2_175", 81.94),
        ("mobilevitv2_200", 82.36),
    )
)

_MOBILEVITV2_384 = tuple(
    Recipe(
        "mobilevitv2_384",
        (model,),
        "ml-cvnets, finetune_higher_res; from the weights at 256 px",
        top1,
        trained=True,
        epochs=10,
        batch_size=128,
        optimizer="sgd",
        learning_rate=1e-3,
        final_learning_rate=1e-3,
        weight_decay=4e-5,
        clip_norm=10.0,
        ema_decay=0.99995,
        image_size=384,
        crop_fraction=1.0,
        interpolation="bicubic",
    )
    for model, top1 in (
        ("mobilevitv2_050", 72.14),
        ("mobilevitv2_075", 76.98),
        ("mobilevitv2_100", 79.68),
        ("mobilevitv2_125", 80.94),
        ("mobilevitv2_150", 81.50),
        ("mobilevitv2_175", 82.04),
        ("mobilevitv2_200", 82.17),
    )
)

_CMT = tuple(
    Recipe(
        "cmt",
        (model,),
        "ggjy/CMT.pytorch, README commands",
        top1,
        epochs=epochs + 10,
        cooldown_epochs=10,
        batch_size=batch,
        learning_rate=peak,  # the command's, for 512 images, times batch / 512
        final_learning_rate=final,
        warmup_epochs=20.0,
        warmup_learning_rate=warmup,
        weight_decay=decay,
        ema_decay=ema,
        interpolation="bicubic",
        rand_augment_ops=2,
        rand_augment_policy="timm",
        rand_augment_std=0.5,
        rand_augment_increasing=True,
        random_erasing=0.25,
        erasing_value="pixel",
        mixup_alpha=0.8,
        cutmix_alpha=1.0,
        repeats=3,
    )
    for model, epochs, batch, peak, final, warmup, decay, ema, top1 in (
        ("cmt_ti", 800, 2048, 3.2e-3, 1e-5, 1e-7, 0.05, 0.0, 79.0),
        ("cmt_xs", 400, 2048, 2.8e-3, 2e-5, 1e-6, 0.04, 0.9998, 81.8),
        ("cmt_s", 300, 1024, 1.0e-3, 1e-5, 1e-7, 0.05, 0.99996, 83.5),
        ("cmt_b", 300, 512, 5.0e-4, 2e-5, 1e-6, 0.05, 0.99996, 84.5),
    )
)

_ANY = ()
_CMTS = tuple(recipe.models[0] for recipe in _CMT)

# Ours: a few thousand images of the user's own. CMT diverges at the others'
# rate from random weights; from trained ones it has a fourth of its own, too.
_FINETUNE = tuple(
    Recipe(
        "finetune",
        models,
        f"ours: a few thousand images, from {weights} weights",
        None,
        trained=weights == "trained",
        epochs=30,
        batch_size=64,
        learning_rate=peak,
        final_learning_rate=final,
        warmup_epochs=2.0,
        weight_decay=0.01,
        clip_norm=10.0,
        multi_scale=models is _ANY,
    )
    for models, weights, peak, final in (
        (_CMTS, "trained", 1.25e-4, 1.25e-6),
        (_CMTS, "random", 5e-4, 2.5e-6),
        (_ANY, "trained", 5e-4, 5e-6),
        (_ANY, "random", 2e-3, 1e-5),
    )
)

_QUANTIZE_AWARE = Recipe(
    "quantize_aware",
    _ANY,
    "ours: a trained model, with the roundings of int8",
    None,
    epochs=3,
    batch_size=128,
    learning_rate=1e-4,
    final_learning_rate=1e-6,
    weight_decay=0.01,
    clip_norm=10.0,
    ema_decay=0.999,
)

RECIPES = (
    *_MOBILEVIT,
    *_MOBILEVITV2,
    *_MOBILEVITV2_21K,
    *_MOBILEVITV2_21K_TO_1K,
    *_MOBILEVITV2_384,
    *_CMT,
    *_FINETUNE,
    _QUANTIZE_AWARE,
)
NAMES = ("auto", *dict.fromkeys(recipe.name for recipe in RECIPES))


def get_recipe(name, model, weights=None):
    """The recipe of a model.

    Args:
        name: str. One of `NAMES`; `"auto"` is that of the model's paper.
        model: str. One of `keras_mvit.list_models()`.
        weights: str or `None`. What training starts from.

    Returns:
        `Recipe`.

    Raises:
        ValueError: an unknown name, a recipe that is not for the model, or
            one that starts from trained weights without any.
    """
    fitting = [r for r in RECIPES if model in r.models or not r.models]
    if name == "auto":
        return fitting[0]
    named = [recipe for recipe in fitting if recipe.name == name]
    if not named:
        accepted = dict.fromkeys(["auto", *(r.name for r in fitting)])
        raise ValueError(
            f"recipe must be one of {', '.join(accepted)} for {model}, "
            f"got {name!r}"
        )
    for recipe in named:
        if recipe.trained in (None, bool(weights)):
            return recipe
    raise ValueError(
        f"Recipe {name} starts from trained weights: name their file with "
        "--weights"
    )

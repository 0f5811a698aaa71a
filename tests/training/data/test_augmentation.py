import pytest

from keras_mvit.training.data.augmentation import Augmentation


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"crop_scale": (0.0, 1.0)}, r"crop_scale .* \(0.0, 1.0\)"),
        ({"crop_scale": (0.5, 0.2)}, r"crop_scale .* \(0.5, 0.2\)"),
        ({"crop_scale": (0.5, 2.0)}, r"crop_scale .* \(0.5, 2.0\)"),
        ({"crop_ratio": (2.0, 1.0)}, r"crop_ratio .* \(2.0, 1.0\)"),
        ({"interpolation": "lanczos"}, "None, bilinear, bicubic, got 'lanc"),
        ({"color_jitter": -0.1}, "color_jitter must be from 0 to 1, got -0.1"),
        ({"rand_augment_ops": 1.5}, "rand_augment_ops must be a whole .* 1.5"),
        ({"rand_augment_policy": "x"}, "one of torchvision, timm, got 'x'"),
        ({"rand_augment_magnitude": 31}, "0 to 30 for 'torchvision', got 31"),
        (
            {"rand_augment_magnitude": 11, "rand_augment_policy": "timm"},
            "0 to 10 for 'timm', got 11",
        ),
        ({"rand_augment_std": -1}, "rand_augment_std must be at least 0"),
        ({"random_erasing": 2}, "random_erasing must be from 0 to 1, got 2"),
        ({"erasing_value": "mean"}, "one of zero, pixel, got 'mean'"),
        ({"mixup_alpha": -1}, "mixup_alpha must be at least 0, got -1"),
        ({"cutmix_alpha": -1}, "cutmix_alpha must be at least 0, got -1"),
        ({"cutmix_probability": 1.1}, "cutmix_probability must be from 0"),
        ({"mix_probability": -0.1}, "mix_probability must be from 0 to 1"),
        ({"repeats": 0}, "repeats must be a whole number >= 1, got 0"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        Augmentation(**arguments)


def test_what_mixes():
    assert not Augmentation().mixes
    assert Augmentation(mixup_alpha=0.2).mixes
    assert Augmentation(cutmix_alpha=1.0).mixes
    assert not Augmentation(mixup_alpha=0.2, mix_probability=0.0).mixes

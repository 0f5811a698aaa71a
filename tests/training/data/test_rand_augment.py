import dataclasses
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit.training.data import color, geometry
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.draws import of_each_image
from keras_mvit.training.data.policies import POLICIES
from keras_mvit.training.data.rand_augment import (
    apply_operation,
    color_jitter,
    distort,
    distortion_draws,
    draw_operations,
)

TORCHVISION = Augmentation(rand_augment_ops=2)
TIMM = Augmentation(
    rand_augment_ops=2,
    rand_augment_policy="timm",
    rand_augment_std=0.5,
    rand_augment_increasing=True,
)


def images(count, height=24, width=20):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, height, width, 3), np.uint8)


def seeds(count):
    return tf.stack([tf.fill([count], 5), tf.range(count)], axis=1)


def distort_all(batch, seeds, augmentation, mean=(0, 0, 0)):
    drawn = distortion_draws(seeds, augmentation)
    drawn = of_each_image({name: x.numpy() for name, x in drawn.items()})
    drawn = drawn or [{}] * len(batch)  # of no augmentation
    return np.stack(
        [
            distort(image, draw, augmentation, mean)
            for image, draw in zip(batch, drawn, strict=True)
        ]
    )


def numbers(policy, level, sign=1.0):
    """Each operation's number, as it would reach its function."""
    seen = {}
    for operation in POLICIES[policy].operations:
        module = geometry if operation.moves else color
        with mock.patch.object(module, operation.name) as function:
            apply_operation(operation, None, float(np.float32(level)), sign)
            seen[operation.name] = float(function.call_args.args[1])
    return seen


def test_magnitudes_of_torchvision():
    # Of torchvision.transforms.RandAugment at magnitude 9 of 31 bins.
    seen = numbers(("torchvision", False), 9 / 30)
    assert len(seen) == 13  # and the identity
    assert seen["posterize"] == 7
    np.testing.assert_allclose(seen["solarize"], 178.5)
    np.testing.assert_allclose(seen["rotate"], 9.0, rtol=1e-6)
    np.testing.assert_allclose(seen["shear_x"], 0.09, rtol=1e-6)
    np.testing.assert_allclose(seen["translate_y"], 0.3 * 150 / 331, rtol=1e-6)
    for name in ("brightness", "saturation", "contrast", "sharpness"):
        np.testing.assert_allclose(seen[name], 1.27, rtol=1e-6)
    seen = numbers(("torchvision", False), 9 / 30, sign=-1.0)
    np.testing.assert_allclose(seen["brightness"], 0.73, rtol=1e-6)
    np.testing.assert_allclose(seen["rotate"], -9.0, rtol=1e-6)
    assert seen["posterize"] == 7


def test_magnitudes_of_timm():
    seen = numbers(("timm", True), 0.9)  # rand-m9-inc1
    assert len(seen) == 15
    assert seen["posterize"] == 1
    assert seen["solarize"] == 26
    assert seen["solarize_add"] == 99
    np.testing.assert_allclose(seen["translate_x"], 0.405, rtol=1e-6)
    np.testing.assert_allclose(seen["contrast"], 1.81, rtol=1e-6)
    seen = numbers(("timm", False), 0.9)  # rand-m9
    assert seen["posterize"] == 3
    assert seen["solarize"] == 230
    np.testing.assert_allclose(seen["contrast"], 1.72, rtol=1e-6)


@pytest.mark.parametrize("augmentation", [TORCHVISION, TIMM])
def test_operations_are_drawn_uniformly(augmentation):
    policy, count = augmentation.policy, 40_000
    choices = []
    for slot in range(2):
        chosen, levels, signs = draw_operations(
            seeds(count), slot, augmentation
        )
        parts = np.bincount(chosen) / count
        names = len(policy.operations)
        expected = policy.probability / (names + policy.identity)
        np.testing.assert_allclose(parts[:names], expected, atol=0.006)
        assert len(parts) == names + 1
        assert abs(np.mean(signs == 1) - 0.5) < 0.01
        choices.append(chosen.numpy())
    assert np.mean(choices[0] == choices[1]) < 0.5  # each slot draws anew


def test_magnitudes_are_spread_as_asked():
    _, levels, _ = draw_operations(seeds(20_000), 0, TORCHVISION)
    np.testing.assert_allclose(levels, 0.3, rtol=1e-6)
    middle = dataclasses.replace(TIMM, rand_augment_magnitude=5)
    _, levels, _ = draw_operations(seeds(20_000), 0, middle)
    np.testing.assert_allclose(np.mean(levels), 0.5, atol=0.002)
    np.testing.assert_allclose(np.std(levels), 0.05, atol=0.002)
    _, levels, _ = draw_operations(seeds(20_000), 0, TIMM)
    assert np.max(levels) == 1  # cut at timm's 10


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 20), st.integers(8, 40), st.integers(8, 40), st.data())
@pytest.mark.parametrize(
    "augmentation",
    [TORCHVISION, dataclasses.replace(TIMM, color_jitter=0.4)],
)
def test_an_image_does_not_depend_on_its_batch(
    augmentation, count, height, width, data
):
    batch, mean = images(count, height, width), (128, 102, 77)
    whole = distort_all(batch, seeds(count), augmentation, mean)
    assert whole.shape == batch.shape and whole.dtype == np.uint8
    order = data.draw(st.permutations(range(count)))
    part = np.array(order[: data.draw(st.integers(1, count))])
    result = distort_all(
        batch[part], tf.gather(seeds(count), part), augmentation, mean
    )
    np.testing.assert_array_equal(result, whole[part])


def test_images_are_changed_by_their_seed():
    batch = np.repeat(images(1), 30, axis=0)
    for augmentation in (TORCHVISION, TIMM):
        result = distort_all(batch, seeds(30), augmentation)
        assert len({image.tobytes() for image in result}) > 10
    np.testing.assert_array_equal(
        distort_all(batch, seeds(30), Augmentation()), batch
    )


def test_color_jitter():
    batch = np.repeat(images(1), 200, axis=0)
    result = distort_all(batch, seeds(200), Augmentation(color_jitter=0.4))
    assert len({image.tobytes() for image in result}) == 200
    ratio = result.mean((1, 2, 3)) / batch.mean((1, 2, 3))
    assert 0.55 < ratio.min() < 0.7 and 1.2 < ratio.max() < 1.45
    np.testing.assert_array_equal(color_jitter(batch[0], [1, 1, 1]), batch[0])

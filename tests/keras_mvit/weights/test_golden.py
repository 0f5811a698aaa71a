import functools

import numpy as np
import pytest

import keras_mvit
from tests import golden, seeded

TOLERANCE = 1e-4
# Classification; the dense heads have files of their own.
PATHS = [
    path
    for pattern in ("*.mobilevit_*", "*.mobilevitv2_*", "*.cmt_*")
    for path in golden.paths(f"{pattern}.npz")
    if "_mobilevit" not in path.name
]
SOURCES = {
    "timm": [n for n in keras_mvit.list_models() if n[:3] == "mob"],
    "hf": [
        *("mobilevit_xxs", "mobilevit_xs", "mobilevit_s"),
        *("mobilevitv2_050", "mobilevitv2_100", "mobilevitv2_200"),
    ],
    "cvnets": [
        *("mobilevit_xxs", "mobilevit_xs", "mobilevit_s"),
        *("mobilevitv2_050", "mobilevitv2_100"),
    ],
    "cmt": [n for n in keras_mvit.list_models() if n[:3] == "cmt"],
}
OTHER_SIZES = ("160x160", "192x320", "224x224", "225x257", "32x33")


@functools.cache
def _model(name):
    any_size = keras_mvit.get_variant(name).any_size
    shape = (None, None, 3) if any_size else None
    return keras_mvit.create_model(name, input_shape=shape)


def _params():
    """Marks as slow what says little more than a smaller model does."""
    small = ("mobilevit_xxs", "mobilevitv2_050", "cmt_ti")
    for path in PATHS:
        is_small = path.name.split(".")[1] in small
        marks = [] if is_small else [pytest.mark.large]
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.golden
@pytest.mark.parametrize("path", _params())
def test_golden(path):
    source, name = path.name.split(".")[:2]
    recorded = np.load(path)
    image = seeded.image(tuple(recorded["input_shape"]))
    model = _model(name)
    keras_mvit.load_reference_weights(
        model, golden.state_dict(f"{source}.{name}")
    )
    # predict runs a graph of unknown sizes, a plain call one of known sizes.
    for answer in (model.predict(image, verbose=0), model(image)):
        assert (
            golden.relative_difference(answer, recorded["logits"]) < TOLERANCE
        )


def test_all_sources_and_sizes_are_there():
    keys = {tuple(path.name.split(".")[:3]) for path in PATHS}
    for source, names in SOURCES.items():
        assert names
        for name in names:
            height, width = keras_mvit.preprocessing(name).image_size
            assert (source, name, f"{height}x{width}") in keys
    for name in ("mobilevit_xxs", "mobilevit_xs", "mobilevit_s"):
        assert all(("timm", name, size) in keys for size in OTHER_SIZES)
    for name in ("mobilevitv2_050", "mobilevitv2_100"):
        assert all(("timm", name, size) in keys for size in OTHER_SIZES)


@pytest.mark.golden
def test_golden_stages_agree_and_a_wrong_weight_does_not():
    """Every stage of timm's model; and the check sees a small deviation."""
    path = golden.FOLDER / "timm.mobilevit_xxs.256x256.npz"
    recorded = np.load(path)
    backbone = keras_mvit.create_backbone("mobilevit_xxs")
    state = golden.state_dict("timm.mobilevit_xxs")
    keras_mvit.load_reference_weights(backbone, state)
    image = seeded.image(tuple(recorded["input_shape"]))

    def worst():
        features = backbone.predict(image, verbose=0)
        stages = [recorded[f"stage/stages.{i}/corner"] for i in range(5)]
        # In the model's order; JAX sorts the keys of a dict.
        return max(
            golden.relative_difference(features[key][0, :2, :2, :8], stage)
            for key, stage in zip(backbone.output, stages, strict=True)
        )

    assert worst() < TOLERANCE
    gamma = backbone.get_layer("stem").bn.gamma
    gamma.assign(gamma * 1.001)
    assert worst() > TOLERANCE

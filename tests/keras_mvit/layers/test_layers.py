import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mvit import layers
from keras_mvit.layers.resizing import resize_bilinear
from keras_mvit.layers.rounding import make_divisible
from tests.test_case import run_layer_test

# Layer, arguments, input shape, output shape. A public layer without a row
# fails test_every_layer_has_a_row.
ROWS = [
    (layers.ConvNormAct, {"filters": 8}, (2, 9, 7, 4), (2, 9, 7, 8)),
    (
        layers.ConvNormAct,
        {"filters": None, "strides": 2},
        (2, 9, 8, 4),
        (2, 5, 4, 4),
    ),
    (
        layers.ConvNormAct,
        {"filters": 3, "dilation_rate": 2, "activation": "linear"},
        (2, 9, 8, 4),
        (2, 9, 8, 3),
    ),
    (
        layers.InvertedResidual,
        {"filters": 6, "strides": 2, "expand_ratio": 2},
        (2, 9, 8, 4),
        (2, 5, 4, 6),
    ),
    (
        layers.InvertedResidual,
        {"filters": 4, "dilation_rate": 2},
        (2, 9, 8, 4),
        (2, 9, 8, 4),
    ),
    (
        layers.MultiHeadSelfAttention,
        {"num_heads": 2, "attention_dropout_rate": 0.5},
        (2, 3, 5, 8),
        (2, 3, 5, 8),
    ),
    (layers.MultiHeadSelfAttention, {"num_heads": 2}, (2, 5, 8), (2, 5, 8)),
    (
        layers.TransformerEncoder,
        {"mlp_dim": 16, "dropout_rate": 0.1, "drop_path_rate": 0.1},
        (2, 4, 5, 8),
        (2, 4, 5, 8),
    ),
    (layers.PatchUnfold, {"patch_size": 2}, (2, 4, 6, 3), (2, 4, 6, 3)),
    (layers.PatchUnfold, {"patch_size": 4}, (2, 4, 8, 3), (2, 16, 2, 3)),
    (layers.DropPath, {"rate": 0.5, "seed": 1}, (2, 3, 3, 4), (2, 3, 3, 4)),
    (
        layers.MobileViTBlock,
        {"hidden_dim": 8, "mlp_dim": 16, "depth": 1},
        (2, 5, 6, 4),
        (2, 5, 6, 4),
    ),
    (
        layers.MobileViTBlock,
        {"hidden_dim": 8, "mlp_dim": 16, "depth": 1, "patch_size": 4},
        (2, 8, 9, 4),
        (2, 8, 9, 4),
    ),
]


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{r[0].__name__}-{i}" for i, r in enumerate(ROWS)]
)
def test_layer(row):
    run_layer_test(*row)


def test_every_layer_has_a_row():
    # PatchFold takes two inputs and has tests of its own below.
    tested = {row[0].__name__ for row in ROWS} | {"PatchFold"}
    assert tested == set(layers.__all__)


def test_layer_test_fails_on_a_config_that_forgets():
    class Forgetful(layers.DropPath):
        def get_config(self):
            return super().get_config() | {"rate": 0.0}

    with pytest.raises(AssertionError):
        run_layer_test(Forgetful, {"rate": 0.5}, (2, 4), (2, 4))


def _unfold_by_definition(x, patch):
    batch, height, width, channels = x.shape
    return np.stack(
        [
            x[:, row::patch, column::patch].reshape(batch, -1, channels)
            for row in range(patch)
            for column in range(patch)
        ],
        axis=1,
    )


@settings(max_examples=30, deadline=None)
@given(
    patch=st.integers(1, 4),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    batch=st.integers(1, 3),
)
def test_unfold_is_the_papers_and_fold_its_inverse(patch, rows, columns, batch):
    x = np.random.default_rng(0).normal(
        size=(batch, rows * patch, columns * patch, 2)
    )
    x = x.astype("float32")
    patches = layers.PatchUnfold(patch)(x)
    np.testing.assert_array_equal(patches, _unfold_by_definition(x, patch))
    np.testing.assert_array_equal(layers.PatchFold(patch)(patches, x), x)


def test_fold_round_trip_with_unknown_sizes_and_through_its_config():
    inputs = keras.Input((None, None, 3))
    fold = layers.PatchFold.from_config(layers.PatchFold(2).get_config())
    model = keras.Model(inputs, fold(layers.PatchUnfold(2)(inputs), inputs))
    x = np.random.default_rng(0).random((2, 6, 4, 3), "float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_unfold_rejects_sizes_the_patch_does_not_divide():
    with pytest.raises(ValueError, match="multiples of patch_size=2"):
        layers.PatchUnfold(2).compute_output_shape((1, 5, 4, 3))


def test_attention_mixes_only_within_a_sequence():
    attention = layers.MultiHeadSelfAttention(2)
    x = np.random.default_rng(0).random((1, 2, 5, 8), "float32")
    before = np.array(attention(x))
    x[0, 0, 3] += 1
    after = np.array(attention(x))
    assert np.abs(after - before)[0, 0].min() > 0
    np.testing.assert_array_equal(after[0, 1], before[0, 1])


def test_attention_of_one_token_is_its_projected_value():
    attention = layers.MultiHeadSelfAttention(2)
    x = np.random.default_rng(0).random((2, 4, 1, 8), "float32")
    attention.build(x.shape)
    value = attention.qkv(x)[..., 16:]
    np.testing.assert_allclose(
        attention(x), attention.proj(value), rtol=1e-5, atol=1e-6
    )


def test_drop_path_zeroes_whole_samples_and_keeps_the_mean():
    x = np.ones((4000, 3), "float32")
    y = np.array(layers.DropPath(0.25, seed=0)(x, training=True))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert (y == y[:, :1]).all()
    assert abs(y.mean() - 1) < 0.05
    np.testing.assert_array_equal(layers.DropPath(0.25)(x, training=False), x)


@pytest.mark.parametrize("size", [7, 8])
def test_strided_padding_is_symmetric(size):
    layer = layers.ConvNormAct(1, strides=2, activation=None)
    layer.build((1, size, size, 1))
    layer.conv.kernel.assign(np.ones((3, 3, 1, 1)))
    x = np.zeros((1, size, size, 1), "float32")
    x[0, 0, 0] = 1
    corner = np.array(layer(x))[0, :2, :2, 0] > 0
    # A window centred on (0, 0) sees it; one centred on (2, 2) does not.
    np.testing.assert_array_equal(corner, [[True, False], [False, False]])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: layers.ConvNormAct(8, kernel_size=2), "odd. Received: 2"),
        (
            lambda: layers.ConvNormAct(8, strides=2, dilation_rate=2),
            "strides=2, dilation_rate=2",
        ),
        (lambda: layers.DropPath(1.0), r"\[0, 1\). Received: 1.0"),
        (
            lambda: layers.MultiHeadSelfAttention(3).build((1, 4, 8)),
            "hidden_dim=8 must be a multiple of num_heads=3",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(st.floats(1, 3000), st.sampled_from([1, 8, 16, 32]))
def test_make_divisible_stays_close(value, divisor):
    rounded = make_divisible(value, divisor)
    assert rounded % divisor == 0
    assert rounded >= 0.9 * value
    assert rounded <= max(divisor, value + 1.5 * divisor)


def test_resize_is_half_pixel_and_leaves_a_right_size_alone():
    x = keras.ops.convert_to_tensor(
        np.arange(2, dtype="float32").reshape(1, 1, 2, 1)
    )
    wide = np.array(resize_bilinear(x, 1, 4)).ravel()
    np.testing.assert_allclose(wide, [0, 0.25, 0.75, 1])
    assert resize_bilinear(x, 1, 2) is x

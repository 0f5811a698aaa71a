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
    (layers.LayerNorm2D, {"epsilon": 1e-3}, (2, 5, 6, 4), (2, 5, 6, 4)),
    (
        layers.SeparableSelfAttention,
        {"attention_dropout_rate": 0.1},
        (2, 4, 5, 8),
        (2, 4, 5, 8),
    ),
    (
        layers.SeparableSelfAttention,
        {"patch_size": 2},
        (2, 4, 6, 8),
        (2, 4, 6, 8),
    ),
    (
        layers.LinearTransformerEncoder,
        {"mlp_dim": 16, "patch_size": 2, "drop_path_rate": 0.1},
        (2, 4, 6, 8),
        (2, 4, 6, 8),
    ),
    (
        layers.MobileViTV2Block,
        {"hidden_dim": 8, "mlp_dim": 16, "depth": 1, "dilation_rate": 2},
        (2, 5, 6, 4),
        (2, 6, 6, 4),
    ),
    (layers.CMTStem, {"filters": 4}, (2, 9, 8, 3), (2, 5, 4, 4)),
    (layers.PatchEmbedding, {"filters": 4}, (2, 9, 8, 3), (2, 4, 4, 4)),
    (layers.LocalPerceptionUnit, {}, (2, 5, 6, 4), (2, 5, 6, 4)),
    (layers.InvertedResidualFFN, {"hidden_dim": 8}, (2, 5, 6, 4), (2, 5, 6, 4)),
    (
        layers.LightweightMultiHeadSelfAttention,
        {"num_heads": 2, "sr_ratio": 2},
        (2, 4, 6, 8),
        (2, 4, 6, 8),
    ),
    (
        layers.CMTBlock,
        {"num_heads": 2, "sr_ratio": 2, "ffn_dim": 8, "drop_path_rate": 0.1},
        (2, 4, 6, 8),
        (2, 4, 6, 8),
    ),
]


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{r[0].__name__}-{i}" for i, r in enumerate(ROWS)]
)
def test_layer(row):
    run_layer_test(*row)


def test_every_layer_has_a_row():
    # These take two inputs, or a size that must be known: tests of their own.
    others = {"PatchFold", "RelativePositionBias", "LinformerSelfAttention"}
    tested = {row[0].__name__ for row in ROWS} | others
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
    with pytest.raises(ValueError, match="multiples of patch_size=2"):
        layers.PatchUnfold(2)(np.ones((14, 15, 16, 3), "float32"))


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
        (
            lambda: layers.TransformerEncoder(
                8, attention_kind="separable"
            ).build((1, 4, 8)),
            r"\(B, P, N, C\).*Received: input_shape=\(1, 4, 8\)",
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


def test_resize_with_aligned_corners_keeps_the_corners():
    x = keras.ops.convert_to_tensor(
        np.array([[1.0, 2.0, 5.0]], "float32").reshape(1, 1, 3, 1)
    )
    wide = np.array(resize_bilinear(x, 1, 5, align_corners=True)).ravel()
    np.testing.assert_allclose(wide, [1, 1.5, 2, 3.5, 5])


def test_layer_norm_2d_is_group_norm_of_one_group():
    x = np.random.default_rng(0).normal(3, 2, (2, 5, 6, 4)).astype("float32")
    expected = keras.layers.GroupNormalization(1, epsilon=1e-5)(x)
    np.testing.assert_allclose(layers.LayerNorm2D()(x), expected, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_separable_attention_of_a_map_is_that_of_its_patches(
    patch, rows, columns
):
    x = np.random.default_rng(0).random((2, rows * patch, columns * patch, 6))
    x = x.astype("float32")
    on_map = layers.SeparableSelfAttention(patch)
    on_sequences = layers.SeparableSelfAttention()
    unfolded = layers.PatchUnfold(patch)(x)
    on_map.build(x.shape)
    on_sequences.build(unfolded.shape)
    on_sequences.set_weights(on_map.get_weights())
    expected = layers.PatchFold(patch)(on_sequences(unfolded), x)
    np.testing.assert_allclose(on_map(x), expected, atol=1e-5)
    scores = layers.PatchUnfold(patch)(on_map.context_scores(x))
    np.testing.assert_allclose(np.sum(scores, axis=2), 1, rtol=1e-5)


def test_linformer():
    layer = layers.LinformerSelfAttention(2, projected_tokens=3)
    x = np.random.default_rng(0).random((2, 4, 10, 8), "float32")
    assert layer(x).shape == x.shape
    assert layer.token_projection.shape == (3, 10)
    again = layers.LinformerSelfAttention.from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), layer(x))
    with pytest.raises(ValueError, match="known number of tokens.*None"):
        layers.LinformerSelfAttention(2).build((None, 4, None, 8))


def test_linformer_with_an_identity_projection_is_multi_head():
    x = np.random.default_rng(0).random((1, 2, 5, 8), "float32")
    linformer = layers.LinformerSelfAttention(2, projected_tokens=5)
    multi_head = layers.MultiHeadSelfAttention(2)
    linformer(x), multi_head(x)
    linformer.qkv.set_weights(multi_head.qkv.get_weights())
    linformer.proj.set_weights(multi_head.proj.get_weights())
    linformer.token_projection.assign(np.eye(5))
    np.testing.assert_allclose(linformer(x), multi_head(x), atol=1e-6)


def test_lightweight_attention_unreduced_is_multi_head():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).random((1, 3, 4, 8), "float32")
    light = layers.LightweightMultiHeadSelfAttention(2)
    multi_head = layers.MultiHeadSelfAttention(2)
    sequence = x.reshape(1, 12, 8)
    light(x), multi_head(sequence)
    for index, part in enumerate((light.query, light.key, light.value)):
        part.kernel.assign(multi_head.qkv.kernel[:, 8 * index : 8 * index + 8])
    light.proj.set_weights(multi_head.proj.get_weights())
    np.testing.assert_allclose(
        np.reshape(light(x), (1, 12, 8)), multi_head(sequence), atol=1e-6
    )
    biased = light(x, np.random.default_rng(1).normal(size=(2, 12, 12)))
    assert np.abs(biased - light(x)).max() > 1e-3


def test_position_bias_of_a_map_that_is_not_square():
    bias = layers.RelativePositionBias(2, 2)
    bias.build((None, 8, 2, 1))
    table = np.random.default_rng(0).normal(size=(2, 16, 4))
    np.testing.assert_allclose(bias.resize(table, (8, 2)), table, rtol=1e-6)
    # Turned maps have tables of one shape, and of other values.
    turned = layers.RelativePositionBias(2, 2)
    turned.build((None, 2, 8, 1))
    rows = np.arange(8.0)[:, None, None, None] * np.ones((8, 2, 4, 1))
    rows = np.broadcast_to(rows.reshape(16, 4), (2, 16, 4))
    resized = turned.resize(rows, (8, 2)).reshape(2, 2, 8, 4)
    assert np.ptp(resized, axis=(0, 2, 3)).max() < 1e-6
    np.testing.assert_allclose(resized[0, :, 0, 0].sum(), 7.0, atol=1e-6)
    assert np.ptp(turned.resize(rows).reshape(2, 2, 8, 4)[0, :, 0, 0]) < 7.0
    assert not np.array_equal(turned.resize(table), table)  # of 4 x 4
    with pytest.raises(ValueError, match=r"\(2, 18, 4\) of a map \(9, 2\)\. R"):
        turned.resize(table, (9, 2))


def test_position_bias_resizes_smoothly():
    bias = layers.RelativePositionBias(2, 2)
    bias.build((None, 6, 8, 1))
    assert bias.table.shape == (2, 48, 12)
    flat = np.stack([np.full((16, 4), 1.0), np.full((16, 4), -2.0)])
    resized = bias.resize(flat)
    np.testing.assert_allclose(resized, np.ones((2, 48, 12)) * [[[1]], [[-2]]])
    # What PyTorch's bicubic interpolation makes of four rows of queries.
    rows = np.repeat([0.0, 1.0, 4.0, 9.0], 4)[None, :, None]
    bias = layers.RelativePositionBias(1, 1)
    bias.build((None, 6, 4, 1))
    resized = bias.resize(np.broadcast_to(rows, (1, 16, 16)))
    np.testing.assert_allclose(
        resized.reshape(6, 4, -1)[:, 2, 5],
        [-0.086806, 0.21875, 1.430555, 3.152778, 6.78125, 9.434029],
        atol=1e-5,
    )
    with pytest.raises(ValueError, match=r"Received: \(3, 16, 4\)"):
        layers.RelativePositionBias(2, 2).resize(np.zeros((3, 16, 4)))
    with pytest.raises(ValueError, match="map of known size, at least 2x2"):
        layers.RelativePositionBias(2, 2).build((None, None, 8, 1))


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16"])
def test_precision_of_norms_and_softmaxes(dtype):
    if dtype == "float64" and keras.backend.backend() != "tensorflow":
        pytest.skip("Keras computes in float32 there")
    keras.utils.set_random_seed(0)
    # Few bits of the scores are left where they are of 16.
    x = 30 * np.random.default_rng(0).normal(size=(1, 1, 50, 8))
    tolerance = {"float64": 1e-12, "mixed_float16": 3e-3}[dtype]

    centred = x - x.mean()
    expected = centred / np.sqrt((centred**2).mean() + 1e-5)
    found = keras.ops.convert_to_numpy(layers.LayerNorm2D(dtype=dtype)(x))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)

    for attention in (
        layers.MultiHeadSelfAttention(1, dtype=dtype),
        layers.SeparableSelfAttention(dtype=dtype),
    ):
        attention(x)
        scores = keras.ops.convert_to_numpy(attention.context_scores(x))
        assert abs(scores.sum(dtype="float64") - 1) < tolerance


def test_the_linear_transformer_has_one_attention():
    for name, value in {"num_heads": 7, "attention_kind": "linformer"}.items():
        with pytest.raises(TypeError, match=f"multiple values .*'{name}'"):
            layers.LinearTransformerEncoder(8, **{name: value})


def test_unknown_attention_is_named():
    with pytest.raises(ValueError, match="separable. Received: 'flash'"):
        layers.TransformerEncoder(8, attention_kind="flash")

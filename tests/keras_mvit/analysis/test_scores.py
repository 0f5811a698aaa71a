import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_mvit
from keras_mvit import analysis
from keras_mvit.analysis import context_scores, save_picture
from keras_mvit.analysis.picture import read_images
from keras_mvit.layers import (
    CMTBlock,
    LightweightMultiHeadSelfAttention,
    MobileViTBlock,
    MobileViTV2Block,
    MultiHeadSelfAttention,
    SeparableSelfAttention,
    TransformerEncoder,
)


def _noise(*shape):
    return np.random.default_rng(0).random(shape, "float32")


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    "name, shapes, sequences",
    [
        ("mobilevit_xxs", {8: (8, 12), 16: (4, 6), 32: (2, 4)}, 4),
        ("mobilevitv2_050", {8: (8, 12), 16: (4, 6), 32: (2, 4)}, 4),
        ("cmt_ti", {s: (2, 3) for s in (4, 8, 16, 32)}, 1),
    ],
)
def test_maps(name, shapes, sequences):
    model = keras_mvit.create_model(name, 0, input_shape=(64, 96, 3))
    scores = context_scores(model, _noise(2, 64, 96, 3))
    assert scores.keys() == {f"stride_{s}" for s in shapes}
    for stride, size in shapes.items():
        maps = scores[f"stride_{stride}"]
        assert maps.shape == (2, *size) and maps.dtype == np.float32
        assert maps.min() >= 0
        np.testing.assert_allclose(maps.sum((1, 2)), sequences, rtol=1e-5)


def test_unknown_size_and_backbone():
    backbone = keras_mvit.create_backbone("mobilevitv2_050")
    scores = context_scores(backbone, _noise(1, 40, 64, 3))
    shapes = {name: maps.shape[1:] for name, maps in scores.items()}
    # 40 rows are 5 at stride 8, which patches make 6, then 3, which make 4.
    assert list(shapes) == ["stride_8", "stride_16", "stride_32"]
    assert list(shapes.values()) == [(6, 8), (4, 4), (2, 2)]


def test_multi_head_scores():
    layer = MultiHeadSelfAttention(2)
    x = _noise(1, 3, 5, 8)
    layer(x)
    layer.qkv.kernel.assign(_noise(8, 24) - 0.5)
    qkv = keras.ops.convert_to_numpy(layer.qkv(x))[0]
    expected = np.zeros((3, 5))
    for head in range(2):
        query = qkv[..., 4 * head : 4 * head + 4]
        key = qkv[..., 8 + 4 * head : 12 + 4 * head]
        scores = query @ key.transpose(0, 2, 1) / 2
        expected += _softmax(scores).mean(1) / 2
    found = layer.context_scores(x)
    np.testing.assert_allclose(found[0, ..., 0], expected, rtol=1e-5)
    assert expected.std() > 1e-3  # not what uniform attention would give


def test_lightweight_scores_follow_the_bias():
    layer = LightweightMultiHeadSelfAttention(2, 2)
    x = _noise(1, 4, 6, 8)
    bias = np.zeros((2, 24, 6), "float32")
    bias[:, :, 4] = 50.0  # everyone looks at key 4: row 1, column 1
    layer(x, bias)
    expected = np.array([[0, 0, 0], [0, 1, 0]])
    found = layer.context_scores(x, bias)
    np.testing.assert_allclose(found[0, ..., 0], expected, atol=1e-6)
    assert np.abs(layer.context_scores(x)[0, ..., 0] - expected).max() > 0.1


@pytest.mark.parametrize("cls", [MobileViTBlock, MobileViTV2Block])
def test_scores_stand_at_their_pixels(cls):
    block = cls(hidden_dim=8, mlp_dim=8, depth=1)
    x = _noise(1, 6, 8, 4)
    block(x)
    tokens = block.local_proj(block.local_conv(x))
    # In place of attention, something whose place is known.
    block.transformer[0].context_scores = lambda x: x[..., :1]
    np.testing.assert_array_equal(block.context_scores(x), tokens[..., :1])


def test_linformer_has_no_share_for_each_token():
    block = MobileViTBlock(8, 8, 1, attention_kind="linformer")
    x = _noise(1, 4, 4, 4)
    block(x)
    with pytest.raises(ValueError, match="attention_kind='linformer'"):
        block.context_scores(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MobileViTBlock(8, 8, 1),
        lambda: MobileViTV2Block(8, 8, 1),
        lambda: CMTBlock(2, 2, 8),
        lambda: TransformerEncoder(8),
        lambda: MultiHeadSelfAttention(2),
        lambda: SeparableSelfAttention(),
        lambda: LightweightMultiHeadSelfAttention(2),
    ],
)
def test_no_scores_before_the_weights(make):
    with pytest.raises(ValueError, match="no weights before it is called"):
        make().context_scores(_noise(1, 4, 4, 8))


@pytest.mark.parametrize("cls", [MobileViTBlock, MobileViTV2Block])
def test_no_scores_without_a_transformer(cls):
    block = cls(hidden_dim=8, mlp_dim=8, depth=0)
    x = _noise(1, 4, 4, 4)
    block(x)
    with pytest.raises(ValueError, match="Received: depth=0"):
        block.context_scores(x)


def test_no_module_hides_a_public_name():
    for name in analysis.__all__:
        assert importlib.util.find_spec(f"keras_mvit.analysis.{name}") is None


def test_bad_input():
    model = keras_mvit.create_model("mobilevit_xxs", 0, (64, 64, 3))
    for shape in ((64, 64, 3), (1, 32, 64, 3), (1, 64, 64, 1)):
        with pytest.raises(ValueError, match="must have the shape"):
            context_scores(model, _noise(*shape))
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="no layer with context scores"):
        context_scores(plain, _noise(1, 8, 8, 3))


def test_picture(tmp_path):
    images, scores = _noise(2, 32, 48, 3), {"stride_8": _noise(2, 4, 6)}
    path = tmp_path / "picture.PNG"
    save_picture(path, images, scores)
    height, width, _ = keras.utils.img_to_array(
        keras.utils.load_img(path)
    ).shape
    assert width > 600 and height > 300
    with pytest.raises(ValueError, match="must end in .png.*picture.txt"):
        save_picture(tmp_path / "picture.txt", images, scores)
    with pytest.raises(ValueError, match="each of 1 images.*2 of stride_8"):
        save_picture(path, images[:1], scores)


def _run(*flags):
    module = "keras_mvit.analysis.draw_scores"
    return subprocess.run(
        [sys.executable, "-m", module, *flags], capture_output=True, text=True
    )


def test_command(tmp_path):
    keras.utils.save_img(tmp_path / "image.png", _noise(40, 60, 3))
    flags = ("--model=cmt_ti", f"--image={tmp_path / 'image.png'}")
    done = _run(*flags, f"--output={tmp_path / 'scores.png'}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "stride_4: 5x5 places" in done.stdout
    assert "random" in done.stdout
    assert os.path.getsize(tmp_path / "scores.png") > 10_000


def test_images_of_any_depth(tmp_path):
    levels = (255 * _noise(40, 60)).astype("uint8")
    Image.fromarray(levels).save(tmp_path / "8.png")
    Image.fromarray(levels.astype("uint16") * 257).save(tmp_path / "16.png")
    Image.fromarray(levels).convert("RGBA").save(tmp_path / "alpha.png")
    names = ("8.png", "16.png", "alpha.png")
    images = read_images([tmp_path / name for name in names], (20, 30))
    assert images.shape == (3, 20, 30, 3)
    assert 0.3 < images.mean() < 0.7
    for image in images[1:]:
        np.testing.assert_array_equal(image, images[0])


def test_command_with_a_missing_image(tmp_path):
    done = _run(
        "--model=cmt_ti",
        f"--image={tmp_path / 'none.png'}",
        f"--output={tmp_path / 'scores.png'}",
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ") and "none.png" in line
    assert os.listdir(tmp_path) == []

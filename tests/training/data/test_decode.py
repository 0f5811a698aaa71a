import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_mvit.training.data.decode import (
    REDUCTIONS,
    decode,
    decode_image,
    jpeg_size,
)


def photograph():
    """Smooth colours, so that JPEG hardly changes them."""
    rows, columns = np.mgrid[0:40, 0:56] / 56
    pixels = np.stack([rows, columns, 1 - rows], axis=-1) * 255
    return Image.fromarray(pixels.astype(np.uint8))


def noise():
    generator = np.random.default_rng(0)
    return Image.fromarray(generator.integers(0, 256, (40, 57, 3), np.uint8))


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "kind, mode, options",
    [
        ("JPEG", "RGB", {"subsampling": 0}),
        ("JPEG", "RGB", {"subsampling": 2}),
        ("JPEG", "RGB", {"subsampling": 2, "progressive": True}),
        ("JPEG", "L", {}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "L", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {}),
        ("PNG", "1", {}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
        ("BMP", "L", {}),
        ("BMP", "P", {}),
        ("WEBP", "RGB", {}),
    ],
)
def test_decodes_as_pillow_does(kind, mode, options):
    encoded = encode(noise().convert(mode), kind, **options)
    expected = Image.open(io.BytesIO(encoded)).convert("RGB")
    decoded = decode(encoded)
    assert decoded.dtype == np.uint8
    difference = np.abs(decoded.astype(int) - np.asarray(expected))
    assert difference.max() <= (mode == "CMYK")  # two ways to round


def test_in_a_graph():
    encoded = encode(noise(), "JPEG")
    decoded = decode_image(tf.constant(encoded))
    assert decoded.dtype == tf.uint8
    np.testing.assert_array_equal(decoded, decode(encoded))


def test_what_a_camera_says_of_its_orientation_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = encode(photograph(), "JPEG", exif=exif)
    assert turned != encode(photograph(), "JPEG")
    expected = decode(encode(photograph(), "JPEG"))
    np.testing.assert_array_equal(decode(turned), expected)


def test_colours_of_cmyk_would_be_noticed():
    encoded = encode(photograph().convert("CMYK"), "JPEG")
    decoded = decode(encoded).astype(float)
    assert np.abs(255 - decoded - np.asarray(photograph(), float)).max() > 100
    np.testing.assert_allclose(decoded, np.asarray(photograph()), atol=12)


def test_16_bit_png():
    grey = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56) * 29
    encoded = encode(Image.fromarray(grey), "PNG")
    decoded = decode(encoded)
    expected = np.repeat(grey[..., None] / 257, 3, axis=-1)
    np.testing.assert_allclose(decoded, expected, atol=1)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    encoded = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    decoded = decode(encoded)
    assert decoded.shape == (8, 8, 3)
    assert decoded[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_what_was_cut_off_is_refused(kind, part):
    whole = encode(noise(), kind)
    for encoded in (whole[: int(part * len(whole))], whole[:-1]):
        with pytest.raises(ValueError, match=f"got {len(encoded)} bytes"):
            decode(encoded)
    decode(whole)


@pytest.mark.parametrize("encoded", [b"no image", b"BM no bitmap", b""])
def test_what_is_no_image_is_refused(encoded):
    with pytest.raises(ValueError, match="JPEG, PNG, GIF, BMP or WebP"):
        decode(encoded)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a whole JPEG"):
        decode_image(tf.constant(encoded))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reduced_jpegs_are_means_of_their_pixels(mode, reduction):
    encoded = encode(photograph().convert(mode), "JPEG", quality=95)
    whole = decode(encoded).astype(float)
    reduced = decode(encoded, reduction)
    rows, columns = 40 // reduction, 56 // reduction
    means = whole.reshape(rows, reduction, columns, reduction, 3)
    np.testing.assert_allclose(reduced, means.mean(axis=(1, 3)), atol=4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 90), st.integers(1, 90), st.booleans())
def test_the_size_is_known_before_decoding(height, width, progressive):
    exif = Image.Exif()
    exif[0x010F] = "a maker's name before the frame"
    image = Image.new("RGB", (width, height))
    encoded = encode(image, "JPEG", progressive=progressive, exif=exif)
    assert jpeg_size(encoded) == (height, width)
    for reduction in REDUCTIONS:
        expected = -(-height // reduction), -(-width // reduction)
        assert decode(encoded, reduction).shape[:2] == expected


@given(st.integers(0, 300))
def test_no_size_is_found_where_there_is_none(length):
    encoded = encode(photograph(), "JPEG")
    assert jpeg_size(encoded[:length]) in (None, (40, 56))
    assert jpeg_size(b"\xff\xd8" + bytes(length)) is None
    assert jpeg_size(encode(photograph(), "PNG")) is None

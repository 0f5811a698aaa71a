import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mvit.training.data.decode import decode_image


def photograph():
    """Smooth colours, so that JPEG hardly changes them."""
    rows, columns = np.mgrid[0:40, 0:56] / 56
    pixels = np.stack([rows, columns, 1 - rows], axis=-1) * 255
    return Image.fromarray(pixels.astype(np.uint8))


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "kind, mode",
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("BMP", "L"),
        ("BMP", "P"),
        ("WEBP", "RGB"),
    ],
)
def test_decodes_as_pillow_does(kind, mode):
    encoded = encode(photograph().convert(mode), kind)
    expected = Image.open(io.BytesIO(encoded)).convert("RGB")
    decoded = decode_image(tf.constant(encoded)).numpy()
    assert decoded.dtype == np.uint8
    # Two decoders of JPEG may round differently.
    np.testing.assert_allclose(decoded, np.asarray(expected, float), atol=3)


def test_colours_of_cmyk_would_be_noticed():
    encoded = encode(photograph().convert("CMYK"), "JPEG")
    decoded = decode_image(tf.constant(encoded)).numpy().astype(float)
    assert np.abs(255 - decoded - np.asarray(photograph(), float)).max() > 100
    np.testing.assert_allclose(decoded, np.asarray(photograph()), atol=12)


def test_16_bit_png():
    grey = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56) * 29
    encoded = encode(Image.fromarray(grey), "PNG")
    decoded = decode_image(tf.constant(encoded)).numpy()
    expected = np.repeat(grey[..., None] / 257, 3, axis=-1)
    np.testing.assert_allclose(decoded, expected, atol=1)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    encoded = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    decoded = decode_image(tf.constant(encoded)).numpy()
    assert decoded.shape == (8, 8, 3)
    assert decoded[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    "encoded",
    [
        encode(photograph(), "JPEG")[:-200],
        encode(photograph(), "PNG")[:-200],
        encode(photograph(), "BMP")[:-200],
        b"no image",
        b"BM no bitmap",
        b"",
    ],
)
def test_what_is_no_image_is_refused(encoded):
    with pytest.raises(tf.errors.OpError):
        decode_image(tf.constant(encoded))

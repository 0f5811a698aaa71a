"""Encoded images to pixels."""

import tensorflow as tf

# What `tf.io.decode_image` reads.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp") + (
    (".webp",) if hasattr(tf.io, "decode_webp") else ()
)
_BMP_HEADER = 14  # bytes; another one follows, and begins with its length
_MARGIN = 4  # columns


def decode_image(encoded):
    """Decodes an image file's bytes; the first frame of an animation.

    Grey images become RGB, CMYK is converted, transparency and the upper half
    of 16-bit precision are dropped. BMP files are read with 8, 24 or 32 bits
    per pixel.

    Args:
        encoded: string tensor (). The file's bytes.

    Returns:
        uint8 tensor (H, W, 3), RGB.

    Raises:
        tf.errors.InvalidArgumentError: when run, if the bytes are not a whole
            image of a known format.
    """
    image = tf.cond(
        tf.strings.substr(encoded, 0, 2) == b"BM",
        lambda: _decode_bmp(encoded),
        lambda: tf.io.decode_image(
            encoded, channels=3, expand_animations=False
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def is_whole_jpeg(encoded):
    """Whether the bytes begin and end as those of a JPEG file do.

    One that was cut off is none: decoding only its upper part would not find
    out.

    Args:
        encoded: string tensor ().

    Returns:
        bool tensor ().

    Raises:
        tf.errors.InvalidArgumentError: when run, if there is next to nothing.
    """
    begin = tf.strings.substr(encoded, 0, 3)
    end = tf.strings.substr(encoded, -2, 2)
    return (begin == b"\xff\xd8\xff") & (end == b"\xff\xd9")


def decode_jpeg_window(encoded, shape, box):
    """Decodes a part of a JPEG: the pixels that it has in the whole.

    Args:
        encoded: string tensor (). The file's bytes.
        shape: int32 tensor (3,). Of the whole image.
        box: int32 tensor (4,): top, left, height, width.

    Returns:
        uint8 tensor (height, width, 3).
    """
    # Where colours have half the resolution, those of a pixel depend on the
    # columns beside it, and on whether the window has more than four.
    top, left, height, width = tf.unstack(box)
    margin = tf.minimum(left, _MARGIN)
    wide = tf.minimum(width + margin + _MARGIN, shape[1] - left + margin)
    window = tf.stack([top, left - margin, height, wide])
    image = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
    return tf.slice(image, [0, margin, 0], [-1, width, -1])


def _decode_bmp(encoded):
    pixels = tf.io.decode_bmp(encoded)  # (H, W, 1 or 3 or 4)
    return tf.cond(
        tf.equal(tf.shape(pixels)[2], 1),
        # TensorFlow takes a palette's numbers for shades of grey.
        lambda: tf.gather(
            _bmp_palette(encoded), tf.cast(pixels[..., 0], tf.int32)
        ),
        lambda: pixels[..., :3],
    )


def _bmp_palette(encoded):
    """uint8 tensor (colours, 3)."""
    start = _BMP_HEADER + _number(encoded, _BMP_HEADER)
    end = _number(encoded, 10)  # where the pixels begin
    colours = tf.io.decode_raw(
        tf.strings.substr(encoded, start, end - start), tf.uint8
    )
    return tf.reverse(tf.reshape(colours, (-1, 4))[:, :3], [1])  # from BGRA


def _number(encoded, position):
    number = tf.strings.substr(encoded, position, 4)
    return tf.io.decode_raw(number, tf.int32)[0]

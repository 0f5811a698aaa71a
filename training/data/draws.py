"""Random numbers of a whole batch, each image's from its own seed."""

import zlib

import tensorflow as tf


def uniforms(seeds, count, purpose):
    """Uniform draws that depend on nothing but the image's seed.

    A hash of seed, purpose and number, by the rounds of Wellons' `lowbias32`
    (https://nullprogram.com/blog/2018/07/31/). TensorFlow's own stateless
    generators take one seed for the whole batch.

    Args:
        seeds: int32 tensor (B, 2).
        count: int. Draws of each image.
        purpose: str. Draws of different purposes are independent.

    Returns:
        float32 tensor (B, count) in [0, 1).
    """
    words = tf.bitcast(seeds, tf.uint32)
    salt = tf.constant(zlib.crc32(purpose.encode()), tf.uint32)
    hashed = _mix(_mix(words[:, :1] ^ salt) ^ words[:, 1:])  # (B, 1)
    counter = tf.cast(tf.range(1, count + 1), tf.uint32) * 0x9E3779B9
    bits = _mix(_mix(hashed + counter))  # (B, count)
    # The 24 bits that a float32 holds exactly.
    return tf.cast(tf.bitwise.right_shift(bits, 8), tf.float32) * 2.0**-24


def normals(seeds, count, purpose):
    """Draws of the standard normal distribution; otherwise as `uniforms`.

    Args:
        seeds: int32 tensor (B, 2).
        count: int. Draws of each image.
        purpose: str.

    Returns:
        float32 tensor (B, count).
    """
    drawn = tf.cast(uniforms(seeds, count, purpose), tf.float64)
    # The middles of the 2^24 steps: never 0, never 1.
    return tf.cast(tf.math.ndtri(drawn + 2.0**-25), tf.float32)


def of_each_image(draws):
    """What was drawn for many images, image by image.

    Args:
        draws: dict of arrays (B, ...).

    Returns:
        list of B dicts of Python's numbers, or lists of them: to take these
        out of arrays one by one is slower. What has more axes stays an array:
        of so many numbers few are looked at, and the garbage collector goes
        through every list.
    """
    columns = (x.tolist() if x.ndim < 3 else x for x in draws.values())
    return [
        dict(zip(draws, row, strict=True)) for row in zip(*columns, strict=True)
    ]


def _mix(x):
    x = (x ^ tf.bitwise.right_shift(x, 16)) * 0x7FEB352D
    x = (x ^ tf.bitwise.right_shift(x, 15)) * 0x846CA68B
    return x ^ tf.bitwise.right_shift(x, 16)

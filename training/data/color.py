"""Operations on an image's colours, as Pillow defines them.

All take a uint8 array (H, W, 3) and a number, and give such an array. Most are
tables of 256 values. They give Pillow's values, but that `contrast`,
`saturation` and `sharpness` may differ by 1 where a grey is halfway between
two values, or a sum next to a whole number.
"""

import math

import numpy as np

from keras_mvit.training.data.opencv import cv2

_VALUES = np.arange(256, dtype=np.float32)
# Pillow's weights of R, G, B.
_LUMA = np.array([[19595, 38470, 7471]], np.float32) / 2**16
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
# Added before rounding to the nearest, to round down as Pillow does: so little
# above -1/2 that whole numbers stay whatever the last bits of a sum.
_DOWN = 2.0**-13 - 0.5


def brightness(image, factor):
    """Scales all values; 1 changes nothing."""
    return _look_up(image, _VALUES * np.float32(factor))


def contrast(image, factor):
    """Scales the distance from the image's mean grey; 1 changes nothing."""
    mean = math.floor(float(_LUMA[0] @ cv2.mean(image)[:3]) + 0.5)
    return _look_up(image, mean + np.float32(factor) * (_VALUES - mean))


def saturation(image, factor):
    """Scales the distance from each pixel's grey; 1 changes nothing."""
    grey = cv2.cvtColor(cv2.transform(image, _LUMA), cv2.COLOR_GRAY2RGB)
    return _blend(grey, image, factor)


def sharpness(image, factor):
    """Scales the distance from a smoothed image; 1 changes nothing."""
    smooth = image.copy()  # the border is not smoothed
    smooth[1:-1, 1:-1] = cv2.filter2D(image, -1, _SMOOTH)[1:-1, 1:-1]
    return _blend(smooth, image, factor)


def posterize(image, bits):
    """Keeps the highest bits of each value; 8 changes nothing."""
    return image & np.uint8(256 - 2 ** (8 - int(bits)))


def solarize(image, threshold):
    """Inverts the values from a threshold up; 256 changes nothing."""
    above = cv2.compare(image, (float(threshold),) * 4, cv2.CMP_GE)
    return cv2.bitwise_xor(image, above)  # all bits, where it is so


def solarize_add(image, addend):
    """Adds to the values below 128; 0 changes nothing."""
    return _look_up(image, _VALUES + addend * (_VALUES < 128))


def invert(image, _):
    """Inverts all values; its number has no meaning."""
    return cv2.bitwise_not(image)


def autocontrast(image, _):
    """Stretches each channel to the whole range; its number has no meaning."""
    ends = [cv2.minMaxLoc(channel)[:2] for channel in cv2.split(image)]
    return _look_up_channels(image, [_stretched(*pair) for pair in ends])


def equalize(image, _):
    """Flattens each channel's histogram; its number has no meaning."""
    counts = [
        cv2.calcHist([image], [channel], None, [256], (0, 256)).ravel()
        for channel in range(3)
    ]
    tables = [_flattened(np.int64(count)) for count in counts]
    return _look_up_channels(image, tables)


def _stretched(low, high):
    if high <= low:
        return _VALUES
    # In Pillow's order and precision.
    scale = 255.0 / (high - low)
    return np.float64(_VALUES) * scale - low * scale


def _flattened(counts):
    step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
    if not step:
        return _VALUES
    return (step // 2 + np.cumsum(counts) - counts) // step


def _blend(start, image, factor):
    factor = float(factor)
    return cv2.addWeighted(image, factor, start, 1 - factor, _DOWN)


def _look_up(image, table):
    return cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8))


def _look_up_channels(image, tables):
    return _look_up(image, np.stack(tables, axis=-1)[np.newaxis])

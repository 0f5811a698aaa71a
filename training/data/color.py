"""Operations on an image's colours, as Pillow defines them.

All take a uint8 array (H, W, 3) and a number, and give such an array. Most are
tables of 256 values. They give Pillow's values, but that `contrast`,
`saturation` and `sharpness` may differ by 1 where a grey is halfway between
two values, or a sum next to a whole number.

Channels are not taken apart: a call of OpenCV for each lets go of Python's lock
each time, and the wait to have it back may be longer than the call.
"""

import math

import numpy as np

from keras_mvit.training.data.opencv import cv2

_VALUES = np.arange(256, dtype=np.float32)
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
# Added before rounding to the nearest, to round down as Pillow does: so little
# above -1/2 that whole numbers stay whatever the last bits of a sum.
_DOWN = 2.0**-13 - 0.5


def brightness(image, factor):
    """Scales all values; 1 changes nothing."""
    return cv2.LUT(image, _bytes(_VALUES * np.float32(factor)))


def contrast(image, factor):
    """Scales the distance from the image's mean grey; 1 changes nothing."""
    red, green, blue, _ = cv2.mean(image)
    # Pillow's weights.
    luma = (19595 * red + 38470 * green + 7471 * blue) / 2**16
    factor = float(factor)
    mean = math.floor(luma + 0.5) * (1 - factor)
    return cv2.addWeighted(image, factor, image, 0, mean + _DOWN)


def saturation(image, factor):
    """Scales the distance from each pixel's grey; 1 changes nothing."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    return _blend(grey, image, factor)


def sharpness(image, factor):
    """Scales the distance from a smoothed image; 1 changes nothing."""
    smooth = cv2.filter2D(image, -1, _SMOOTH)
    smooth[0], smooth[-1] = image[0], image[-1]  # the border is not smoothed
    smooth[:, 0], smooth[:, -1] = image[:, 0], image[:, -1]
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
    return cv2.LUT(image, _bytes(_VALUES + addend * (_VALUES < 128)))


def invert(image, _):
    """Inverts all values; its number has no meaning."""
    return cv2.bitwise_not(image)


def autocontrast(image, _):
    """Stretches each channel to the whole range; its number has no meaning."""
    lows = np.minimum.reduce(np.minimum.reduce(image)).tolist()
    highs = np.maximum.reduce(np.maximum.reduce(image)).tolist()
    tables = np.empty((256, 3))
    for channel, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low == high:
            low, high = 0, 255  # changes nothing
        # In Pillow's order and precision.
        scale = np.float64(255.0) / (high - low)
        tables[:, channel] = _VALUES * scale - low * scale
    return cv2.LUT(image, _bytes(tables)[np.newaxis])


def equalize(image, _):
    """Flattens each channel's histogram; its number has no meaning."""
    tables = np.empty((256, 3), np.int32)
    for channel in range(3):
        counts = cv2.calcHist([image], [channel], None, [256], (0, 256))
        counts = counts.ravel().astype(np.int32)
        ends = np.add.accumulate(counts)
        largest = ends.searchsorted(ends[-1])
        below = ends - counts
        step = int(below[largest]) // 255
        tables[:, channel] = (step // 2 + below) // step if step else _VALUES
    return cv2.LUT(image, np.minimum(tables, 255).astype(np.uint8)[np.newaxis])


def _blend(start, image, factor):
    factor = float(factor)
    return cv2.addWeighted(image, factor, start, 1 - factor, _DOWN)


def _bytes(table):
    return table.clip(0, 255).astype(np.uint8)

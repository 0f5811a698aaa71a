"""OpenCV as it is used here: one thread for each image, and no messages.

tf.data has many images in work at once, and OpenCV lets go of Python's lock
while it computes. What it would print about a bad image is said by the error.
"""

import ctypes

import cv2

# Of glibc's malloc.h: number of the option, bytes.
_TRIM_THRESHOLD = (-1, 256 << 20)
_MMAP_THRESHOLD = (-3, 32 << 20)


def _keep_freed_memory():
    """Lets the images that follow have the memory of those that went before.

    By default glibc gives blocks of this size back to the kernel, which takes
    about as long to clear them again as OpenCV to fill them.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # no glibc
    for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        mallopt(*option)


cv2.setNumThreads(1)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
_keep_freed_memory()

__all__ = ["cv2"]

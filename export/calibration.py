"""The ranges that the tensors of a file take on images."""

import os

import numpy as np
import tqdm

from keras_mvit.export import convert, flatbuffer
from keras_mvit.quiet import quiet

_CHUNK = 16  # images between two steps of the progress bar


def calibrate(content, images):
    """Returns each tensor's range over all images.

    The quantizer's own choice is a moving average, which depends on the order
    of the images and cuts off what the rarer of them need.

    Args:
        content: bytes. A float32 LiteRT file.
        images: images.ModelInputs, or float32 (N, H, W, 3).

    Returns:
        dict of tensor name -> (float, float): least and greatest value.

    Raises:
        ValueError: images of another size than the file takes, none of them,
            or values that are not finite.
    """
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    _check(content, images)
    with quiet():
        calibration = calibrator.Calibrator(
            content,
            num_threads=os.cpu_count(),
            mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
            qsv_update_func=qsv_utils.min_max_update,
        )
    with tqdm.tqdm(
        total=len(images), desc="Calibrating", leave=False, disable=None
    ) as bar:
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            samples = [{convert.INPUT_NAME: image[None]} for image in chunk]
            with quiet():
                # This mode notes every tensor; a recipe is asked for and not
                # read.
                calibration.calibrate(
                    {convert.SIGNATURE: samples},
                    recipe_manager.RecipeManager(),
                )
            bar.update(len(chunk))
    return {
        name: (float(found["min"].min()), float(found["max"].max()))
        for name, found in calibration.get_model_qsvs().items()
    }


def pixel_range(content, preprocessing):
    """Returns the range of all possible images, as `calibrate` does.

    Where all channels are normalized alike, the integers of the input are then
    the pixels themselves, 0 to 255.

    Args:
        content: bytes. A LiteRT file.
        preprocessing: keras_mvit.models.Preprocessing.
    """
    (taken,) = flatbuffer.inputs(content)
    black_and_white = np.float32([[0, 0, 0], [1, 1, 1]])
    values = preprocessing.normalize(black_and_white)
    return {taken.name: (float(values.min()), float(values.max()))}


def _check(content, images):
    (taken,) = flatbuffer.inputs(content)
    if not len(images):
        raise ValueError("There are no calibration images")
    shape = tuple(images[0].shape)
    if shape != taken.shape[1:]:
        raise ValueError(
            f"Calibration images are {shape}; the model takes {taken.shape[1:]}"
        )
    for start in range(0, len(images), _CHUNK):
        if not np.isfinite(images[start : start + _CHUNK]).all():
            raise ValueError(
                "Calibration images hold values that are not finite"
            )

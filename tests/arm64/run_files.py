"""Runs in the arm64 Python: the answers of LiteRT files to images.

    python run_files.py FOLDER

reads FOLDER/NAME.npy, images (N, H, W, 3), for each FOLDER/NAME-FORMAT.tflite,
and writes FOLDER/NAME-FORMAT.answers.npy. It imports nothing of keras_mvit,
whose dependencies are not installed there.
"""

import glob
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def answers(path, images):
    """Returns what the file answers to each image, (N, classes)."""
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    (output,) = interpreter.get_output_details()
    found = []
    for pixels in images:
        interpreter.set_tensor(image["index"], pixels[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0])
    return np.stack(found)


if __name__ == "__main__":
    for path in sorted(glob.glob(f"{sys.argv[1]}/*.tflite")):
        stem = path.removesuffix(".tflite")
        images = np.load(stem.rpartition("-")[0] + ".npy")
        np.save(stem + ".answers.npy", answers(path, images))

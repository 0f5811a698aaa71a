"""The paths through the input pipeline, and photographs to send through."""

import math
import os
import time

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.measuring import interleaved_medians_ms, peak_mib
from keras_mvit.files import replacing
from keras_mvit.models import Preprocessing
from keras_mvit.training.data.augmentation import Augmentation
from keras_mvit.training.data.folder import ImageFolder
from keras_mvit.training.data.multiscale import make_buckets
from keras_mvit.training.data.pipeline import Pipeline

LIMIT = "read and decode alone"
EVALUATION = "evaluation"
V1 = "MobileViT's training"
V2 = "MobileViTv2's training"
# Images/s, as parts of the limit, not to fall below.
BOUNDS = {V1: 0.8, V2: 0.5}
_V2_AUGMENTATION = Augmentation(
    interpolation="bicubic",
    rand_augment_ops=2,
    rand_augment_magnitude=9,
    random_erasing=0.25,
    mixup_alpha=0.2,
    cutmix_alpha=1.0,
)


class RepeatedFolder(ImageFolder):
    """A folder whose training images are listed many times.

    Args:
        directory: str.
        times: int.
    """

    def __init__(self, directory, times):
        super().__init__(directory)
        self._paths["train"] = np.tile(self._paths["train"], times)
        self._labels["train"] = np.tile(self._labels["train"], times)
        self.num_images["train"] *= times

    def paths(self):
        """The training files, as `tf.data.Dataset`."""
        return tf.data.Dataset.from_tensor_slices(self._paths["train"])

    def mean_kb(self):
        """Mean size of the training files, in 1,000 bytes."""
        sizes = map(os.path.getsize, np.unique(self._paths["train"]))
        return float(np.mean(list(sizes))) / 1e3


def make_photographs(directory, count, width_px, height_px, quality):
    """Write JPEGs with the spectrum of photographs: noise at all scales.

    Args:
        directory: str. Becomes a folder data set, if it is none yet.
        count: int. Training images; there are two classes.
        width_px: int.
        height_px: int.
        quality: int. Of Pillow's JPEG.
    """
    generator = np.random.default_rng(0)
    for number in range(count + 2):
        split = "train" if number < count else "test"
        folder = os.path.join(directory, split, f"class_{number % 2}")
        path = os.path.join(folder, f"{number}.jpg")
        pixels = _photograph(generator, width_px, height_px)
        if not os.path.exists(path):
            os.makedirs(folder, exist_ok=True)
            with replacing(path) as partial:
                Image.fromarray(pixels).save(partial, "JPEG", quality=quality)


def _photograph(generator, width_px, height_px):
    pixels = np.zeros((height_px, width_px, 3), np.float32)
    cells = 4
    while cells <= 2 * width_px:
        shape = (max(2, cells * height_px // width_px), cells)
        grey = generator.normal(size=(*shape, 1))
        noise = grey + 0.4 * generator.normal(size=(*shape, 3))
        pixels += _enlarge(noise / cells**0.4, width_px, height_px)
        cells *= 2
    pixels = 128 + 55 * pixels / pixels.std()
    return pixels.clip(0, 255).astype(np.uint8)


def _enlarge(noise, width_px, height_px):
    channels = [
        Image.fromarray(channel.astype(np.float32)).resize(
            (width_px, height_px), Image.BICUBIC
        )
        for channel in np.moveaxis(noise, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def v1_pipeline(source, base_px, batch_size):
    """MobileViT's training images: bilinear crops and flips, five sizes.

    Args:
        source: `Source`.
        base_px: int. The sizes are from 5/8 to 5/4 of it.
        batch_size: int. At the base size.

    Returns:
        `Pipeline`.
    """
    low, high, divisor = base_px * 5 // 8, base_px * 5 // 4, base_px // 8
    buckets = make_buckets(base_px, batch_size, low, high, 5, divisor)
    preprocessing = Preprocessing(image_size=(base_px, base_px))
    return Pipeline(source, preprocessing, buckets, augmentation=Augmentation())


def v2_pipeline(source, base_px, batch_size):
    """MobileViTv2's training images: bicubic, and everything in its recipe.

    Args:
        source: `Source`.
        base_px: int. The only size.
        batch_size: int.

    Returns:
        `Pipeline`.
    """
    buckets = make_buckets(base_px, batch_size, base_px, base_px, 1)
    preprocessing = Preprocessing(image_size=(base_px, base_px))
    return Pipeline(
        source, preprocessing, buckets, augmentation=_V2_AUGMENTATION
    )


def measure(source, base_px, batch_size, budget_s):
    """Send the training images of a source through every path, in turns.

    Args:
        source: `RepeatedFolder`.
        base_px: int. Height and width.
        batch_size: int.
        budget_s: float. Time for all paths together.

    Returns:
        dict of path to (images/s, milliseconds of CPU time an image).
    """
    v1 = v1_pipeline(source, base_px, batch_size)
    datasets = {
        LIMIT: source.paths().map(
            lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=3),
            tf.data.AUTOTUNE,
        ),
        EVALUATION: v1.evaluation("train"),
        V1: v1.epoch(0),
        V2: v2_pipeline(source, base_px, batch_size).epoch(0),
    }
    cpu_s = {path: [] for path in datasets}
    times_ms = interleaved_medians_ms(
        {
            path: _drain(dataset, cpu_s[path])
            for path, dataset in datasets.items()
        },
        budget_s,
    )
    images = source.num_images["train"]
    return {
        path: (images / ms * 1e3, np.median(cpu_s[path]) / images * 1e3)
        for path, ms in times_ms.items()
    }


def _drain(dataset, cpu_s):
    """A function that reads all of it, in TensorFlow, and notes CPU time."""

    def run():
        start = time.process_time()
        dataset.reduce(0, lambda count, *_: count + 1).numpy()
        cpu_s.append(time.process_time() - start)

    return run


def misses(figures):
    """The bounds that are missed.

    Args:
        figures: dict, from `measure`.

    Returns:
        list of str.
    """
    limit, _ = figures[LIMIT]
    parts = {path: figures[path][0] / limit for path in BOUNDS}
    return [
        f"{path}: {parts[path]:.2f} of the limit, below {bound}"
        for path, bound in BOUNDS.items()
        if parts[path] < bound
    ]


def stream(directory, size_gb, batch_size):
    """Send many bytes of JPEGs through MobileViT's training path.

    Args:
        directory: str. A folder data set; it is listed as often as needed.
        size_gb: float. At least so much is sent, in 10^9 bytes.
        batch_size: int. At 256 px.

    Returns:
        (float, float): peak of the memory that this took, MiB, or `None`
        where the system does not tell; and GB sent.
    """
    once = RepeatedFolder(directory, 1)
    once_gb = 1e-6 * once.mean_kb() * once.num_images["train"]
    times = max(1, math.ceil(size_gb / once_gb))
    source = RepeatedFolder(directory, times)

    def run():
        pipeline = v1_pipeline(source, 256, batch_size)
        for _ in pipeline.epoch(0):  # as a training loop would
            pass

    return peak_mib(run), times * once_gb

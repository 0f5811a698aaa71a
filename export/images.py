"""Images to calibrate on and to compare with, and their preprocessing."""

import dataclasses
import os

import numpy as np
import tqdm

# Those of training.
_EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images resized and cropped to what a model takes.

    Args:
        images: uint8 array (N, H, W, 3), pixels of 0 to 255.
        labels: integers (N,), the images' classes, or None.

    Raises:
        ValueError: arrays of other types or shapes, or without an image.
    """

    images: np.ndarray
    labels: np.ndarray | None = None

    def __post_init__(self):
        if self.labels is not None:
            object.__setattr__(self, "labels", np.asarray(self.labels))
        shape, dtype = self.images.shape, self.images.dtype
        if len(shape) != 4 or shape[-1] != 3 or not len(self.images):
            raise ValueError(
                f"images are of shape {shape}; expected (N, H, W, 3), N not 0"
            )
        if dtype != np.uint8:
            raise ValueError(f"images are {dtype}; expected uint8, 0 to 255")
        if self.labels is not None and self.labels.shape != shape[:1]:
            raise ValueError(
                f"labels are of shape {self.labels.shape}; expected"
                f" {shape[:1]}, one an image"
            )
        if self.labels is not None and self.labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels are {self.labels.dtype}; expected integers"
            )

    @property
    def size(self):
        """(int, int). Height and width in pixels."""
        return self.images.shape[1:3]

    def __len__(self):
        return len(self.images)


class ModelInputs:
    """Images as the model takes them: float32, converted when asked for.

    Thousands of them at once would be gigabytes.

    Args:
        images: uint8 (N, H, W, 3).
        preprocessing: keras_mvit.models.Preprocessing.
    """

    def __init__(self, images, preprocessing):
        self._images = images
        self._preprocessing = preprocessing

    def __len__(self):
        return len(self._images)

    def __getitem__(self, index):
        """Returns one image (H, W, 3), or a slice of them."""
        images = np.float32(self._images[index]) / np.float32(255)
        return self._preprocessing.normalize(images)


def read_npz(path, image_size):
    """Reads an `ImageSet` from an `.npz` as in docs/work-directory.md.

    Args:
        path: str. File with `images` (N, H, W, 3) uint8 and, optionally,
            `labels` (N,).
        image_size: (int, int). The height and width the images must have.

    Raises:
        ValueError: the file is missing, damaged, or holds something else.
    """
    if not os.path.isfile(path):
        raise ValueError(f"There is no file {path}")
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            found = ImageSet(
                arrays["images"],
                arrays["labels"] if "labels" in arrays else None,
            )
    except Exception as error:  # zip, npy header, key, and what they hold
        raise ValueError(f"{path} is damaged: {error}") from error
    check_size(path, found, image_size)
    return found


def check_size(name, image_set, image_size):
    """Raises `ValueError` where images are not of the size of a model.

    Args:
        name: str. What to call them.
        image_set: ImageSet.
        image_size: (int, int). The height and width they must have.
    """
    if tuple(image_set.size) != tuple(image_size):
        height, width = image_set.size
        raise ValueError(
            f"{name} holds images of {height} x {width} pixels; expected"
            f" {image_size[0]} x {image_size[1]}"
        )


def read_folder(
    path, preprocessing, limit, seed=0, labels=None, num_classes=None
):
    """Reads an `ImageSet` from a folder of images.

    Folders inside it are classes: of their names, or numbered in the order of
    their names; without any, or without one for each class, the set has no
    labels. Hidden files and folders are passed over.

    Args:
        path: str. The folder.
        preprocessing: keras_mvit.models.Preprocessing. Size and crop.
        limit: int. At most so many images are read, drawn at random.
        seed: int. Of the draw.
        labels: tuple of str, or None. Names of all classes. Folders that have
            other names are numbered, if there is one for each class.
        num_classes: int or None. Of the model; None: one a folder.

    Raises:
        ValueError: no images are there, or some beside the folders of classes,
            or one cannot be decoded, or folders are of unknown classes.
    """
    classes = _class_folders(path, labels, num_classes)
    files = [
        (file, label)
        for folder, label in classes.items()
        for file in _image_files(os.path.join(path, folder))
    ]
    if not files:
        raise ValueError(
            f"There are no images in {path}; looked for"
            f" {', '.join(_EXTENSIONS)}"
        )
    drawn = [files[index] for index in _drawn(len(files), limit, seed)]
    images = [
        _decode(file, preprocessing)
        for file, _ in tqdm.tqdm(drawn, "Reading", leave=False, disable=None)
    ]
    numbers = [label for _, label in drawn]
    return ImageSet(np.stack(images), None if None in numbers else numbers)


def _image_files(folder):
    return sorted(
        entry.path
        for entry in os.scandir(folder)
        if entry.is_file()
        and not entry.name.startswith(".")
        and entry.name.lower().endswith(_EXTENSIONS)
    )


def _drawn(count, limit, seed):
    """Returns at most `limit` of `count` indices, in order."""
    return sorted(np.random.default_rng(seed).permutation(count)[:limit])


def _class_folders(path, labels, num_classes):
    """Returns {folder: number of its class, or None}."""
    folders = sorted(
        entry.name
        for entry in os.scandir(path)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if not folders:
        return {".": None}
    beside = _image_files(path)
    if beside:
        raise ValueError(
            f"{path} has images beside its folders, such as"
            f" {os.path.basename(beside[0])}; expected all in folders, or none"
        )
    if labels is not None and set(folders) <= set(labels):
        return {folder: labels.index(folder) for folder in folders}
    if labels is not None and len(folders) != len(labels):
        unknown = next(name for name in folders if name not in labels)
        raise ValueError(
            f"{path} has a folder {unknown!r}, and {len(folders)} in all;"
            f" expected some of the {len(labels)} labels, or one for each"
        )
    if num_classes not in (None, len(folders)):
        return dict.fromkeys(folders)
    return {folder: number for number, folder in enumerate(folders)}


def read(path, preprocessing, limit, seed=0, labels=None, num_classes=None):
    """Reads an `ImageSet` from an `.npz` file or a folder of images.

    Args and errors are those of `read_folder` and `read_npz`.
    """
    if os.path.isdir(path):
        return read_folder(
            path, preprocessing, limit, seed, labels, num_classes
        )
    found = read_npz(path, preprocessing.image_size)
    drawn = _drawn(len(found), limit, seed)
    numbers = None if found.labels is None else found.labels[drawn]
    return ImageSet(found.images[drawn], numbers)


def random_images(count, image_size, seed=0):
    """Makes `count` smooth random images, for want of real ones.

    Independent pixels would average out in the first layers and make every
    image look alike to the model, so coarse noise is enlarged instead.
    """
    random = np.random.default_rng(seed)
    height, width = image_size
    rows, columns = -(-height // 8), -(-width // 8)
    coarse = random.integers(0, 256, (count, rows, columns, 3), np.uint8)
    images = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return ImageSet(images[:, :height, :width])


def _pixels(file):
    """Decodes a file to uint8 (H, W, 3), as training does."""
    import cv2

    with open(file, "rb") as stream:
        encoded = stream.read() or b"\0"  # OpenCV would complain of nothing
    image = cv2.imdecode(
        np.frombuffer(encoded, np.uint8),
        # What a camera noted about its orientation is ignored.
        cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
    )
    if image is None:
        raise ValueError(f"{file} cannot be decoded as an image")
    return image


def _decode(file, preprocessing):
    import tensorflow as tf

    image = _pixels(file)
    height, width = preprocessing.image_size
    # Both sides reach size / crop_fraction; the shorter one just does.
    scale = max(height / image.shape[0], width / image.shape[1])
    scale /= preprocessing.crop_fraction
    size = [
        max(round(side * scale), least)
        for side, least in zip(image.shape[:2], (height, width), strict=True)
    ]
    image = tf.image.resize(
        image, size, method=preprocessing.interpolation, antialias=True
    )
    image = tf.image.resize_with_crop_or_pad(image, height, width)
    return np.uint8(np.clip(np.round(image), 0, 255))

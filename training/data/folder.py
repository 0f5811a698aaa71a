"""A data set of image files: DIR/{train,test|val}/CLASS/*.jpg and so on."""

import errno
import os

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.decode import EXTENSIONS
from keras_mvit.training.data.shuffle import permutation
from keras_mvit.training.data.source import SPLITS, WHOLE, Source

_FOLDERS = {"train": ("train",), "test": ("test", "val", "validation")}


class ImageFolder(Source):
    """Image files sorted into a folder per class.

    Classes are numbered by their sorted names. Files of other kinds and hidden
    files are passed over; so are links that lead nowhere.

    Args:
        directory: str. Holds `train` and one of `test`, `val`, `validation`;
            the first of these that exists is the test split.
        splits: sequence of str. Of `"train"` and `"test"`: those it must have.

    Raises:
        ValueError: a split is missing, has no classes or a class without
            images, or the two splits have different classes.
    """

    def __init__(self, directory, splits=SPLITS):
        directory = os.path.abspath(os.path.expanduser(directory))
        if not os.path.isdir(directory):
            raise ValueError(f"There is no data set folder {directory}")
        files = {
            split: _files_of_classes(_split_folder(directory, split))
            for split in splits
        }
        if len(files) == 2:
            _check_same_classes(directory, *files.values())
        self._paths, self._labels = {}, {}
        for split, classes in files.items():
            paths = [path for found in classes.values() for path in found]
            self._paths[split] = np.array(paths)
            counts = [len(found) for found in classes.values()]
            self._labels[split] = np.repeat(np.arange(len(counts)), counts)
        super().__init__(
            name=f"folder:{directory}",
            class_names=list(files[splits[0]]),
            num_images={k: len(paths) for k, paths in self._paths.items()},
        )

    def elements(self, split, order=None, shard=WHOLE):
        """See `Source.elements`."""
        rows = np.arange(self.num_images[split])
        rows = rows if order is None else permutation(rows, order)
        index, count = shard
        rows = rows[index::count]
        return tf.data.Dataset.from_tensor_slices(
            {
                "name": self._paths[split][rows],
                "label": self._labels[split][rows],
            }
        )

    def read(self, element):
        """See `Source.read`."""
        return tf.io.read_file(element["name"])

    def exclude(self, split, names):
        """See `Source.exclude`."""
        keep = ~np.isin(self._paths[split], list(names))
        left = np.bincount(
            self._labels[split][keep], minlength=len(self.class_names)
        )
        if not left.all():
            empty = self.class_names[int(np.argmin(left))]
            raise ValueError(
                f"Class {empty} of split {split} has no readable image left"
            )
        self._paths[split] = self._paths[split][keep]
        self._labels[split] = self._labels[split][keep]
        self.num_images[split] = int(keep.sum())


def _split_folder(directory, split):
    for name in _FOLDERS[split]:
        folder = os.path.join(directory, name)
        if os.path.isdir(folder):
            return folder
    found = sorted(_subfolders(directory)) or "no folders"
    raise ValueError(
        f"{directory} must hold a folder {' or '.join(_FOLDERS[split])} "
        f"with a folder per class in it; found {found}"
    )


def _files_of_classes(folder):
    classes = {
        name: _image_files(os.path.join(folder, name))
        for name in sorted(_subfolders(folder))
    }
    for name, files in classes.items():
        _check_names(name, files)
    if not classes:
        raise ValueError(
            f"{folder} must hold a folder of images per class; found none"
        )
    for name, files in classes.items():
        if not files:
            raise ValueError(
                f"Class folder {os.path.join(folder, name)} holds no images; "
                f"accepted are {', '.join(EXTENSIONS)}"
            )
    return classes


def _check_same_classes(directory, train, test):
    if list(train) != list(test):
        raise ValueError(
            f"The splits of {directory} must have the same classes; "
            f"only in train: {sorted(set(train) - set(test)) or 'none'}, "
            f"only in test: {sorted(set(test) - set(train)) or 'none'}"
        )


def _subfolders(directory):
    with os.scandir(directory) as entries:
        return [
            entry.name
            for entry in entries
            if _leads_to(entry.is_dir) and not entry.name.startswith(".")
        ]


def _image_files(directory):
    with os.scandir(directory) as entries:
        return sorted(
            entry.path
            for entry in entries
            if _leads_to(entry.is_file)
            and not entry.name.startswith(".")
            and entry.name.lower().endswith(EXTENSIONS)
        )


def _leads_to(is_there):
    """Whether an entry is of a kind; a link in a circle is of none."""
    try:
        return is_there()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _check_names(class_name, paths):
    if len(class_name.splitlines()) > 1:
        raise ValueError(f"A class name must be one line, got {class_name!r}")
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"Names of images must be UTF-8, got {os.fsencode(path)!r}"
            ) from None

"""What there is to export: a model, its preprocessing, labels and images."""

import dataclasses
import os

from keras_mvit.export import convert, images
from keras_mvit.export.images import ImageSet


@dataclasses.dataclass(frozen=True)
class Source:
    """Everything an export starts from.

    Args:
        name: str. Of the model; files are called `NAME_FORMAT.tflite`.
        model: functional keras.Model, or keras.Sequential, that returns
            logits.
        preprocessing: keras_mvit.models.Preprocessing. From image file to
            model input.
        labels: tuple of str, or None. Class names, in the logits' order.
        calibration: ImageSet or None. Training images, for int8.
        test: ImageSet or None. Test images to compare on.
        ranges: dict or None. Of activations, as quantization-aware training
            has learned them: path -> (least, greatest value).
        origin: dict. Where all this came from, for the record.

    Raises:
        ValueError: a name that no file can have, a model of another kind,
            more or fewer labels than classes, images of another size than the
            preprocessing's, or test images of classes that the model does not
            have.
    """

    name: str
    model: object
    preprocessing: object
    labels: tuple | None = None
    calibration: ImageSet | None = None
    test: ImageSet | None = None
    ranges: dict | None = None
    origin: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.name or self.name != os.path.basename(self.name):
            raise ValueError(
                f"name is {self.name!r}; expected one for files, without /"
            )
        convert.check_functional(self.model)
        convert.check_image_to_logits(self.model)
        size = tuple(self.preprocessing.image_size)
        if self.model.input_shape[1:3] not in ((None, None), size):
            raise ValueError(
                f"The preprocessing makes images of {size} pixels; the model"
                f" takes {self.model.input_shape[1:3]}"
            )
        num_classes = self.model.output_shape[-1]
        for label in self.labels or ():
            if not label.strip() or "\n" in label:
                raise ValueError(f"A label is {label!r}; expected one line")
        if self.labels is not None and len(self.labels) != num_classes:
            raise ValueError(
                f"There are {len(self.labels)} labels; the model has"
                f" {num_classes} classes"
            )
        for name in ("calibration", "test"):
            found = getattr(self, name)
            if found is None:
                continue
            images.check_size(name, found, self.preprocessing.image_size)
            if found.labels is not None:
                _check_numbers(name, found.labels, num_classes)


def _check_numbers(name, numbers, num_classes):
    if numbers.min() < 0 or numbers.max() >= num_classes:
        raise ValueError(
            f"The {name} images have labels {numbers.min()} to"
            f" {numbers.max()}; the model has {num_classes} classes"
        )


def from_name(
    name,
    weights=None,
    num_classes=None,
    image_size=None,
    calibration_images=None,
    num_calibration_images=512,
    test_images=None,
    num_test_images=2000,
    seed=0,
    labels=None,
):
    """Makes a `Source` without a work directory.

    Args:
        name: str. One of `keras_mvit.list_models()`.
        weights: str or None. File of weights; None: random ones, good for
            latency and nothing else. They set the global seed of Keras.
        num_classes: int or None. Of the classifier; None: as many as there
            are labels, or 1000 without.
        image_size: int or None. Height and width in pixels; None: the
            model's own.
        calibration_images: str or None. An `.npz` or a folder of images, as in
            `images.read_folder`.
        num_calibration_images: int. At most so many of them are read.
        test_images: str or None. The same, other images.
        num_test_images: int. At most so many of them are read.
        seed: int. Of random weights, and of the choice of images in a folder.
        labels: str or None. A text file, one class a line in the order of the
            logits. Files for an app carry them.

    Raises:
        ValueError: an unknown model, files that cannot be read, or labels or
            test images of other classes than the model's.
    """
    import keras

    import keras_mvit

    preprocessing = keras_mvit.preprocessing(name)
    if image_size is not None:
        preprocessing = dataclasses.replace(
            preprocessing, image_size=(image_size, image_size)
        )
    if labels is not None:
        labels = read_labels(labels)
    if num_classes is None:
        num_classes = 1000 if labels is None else len(labels)
    if weights is None:
        keras.utils.set_random_seed(seed)
    model = keras_mvit.create_model(
        name,
        num_classes=num_classes,
        input_shape=(*preprocessing.image_size, 3),
        weights=weights,
    )
    calibration = test = None
    if calibration_images is not None:
        calibration = images.read(
            calibration_images,
            preprocessing,
            num_calibration_images,
            seed,
            labels,
            num_classes,
        )
    if test_images is not None:
        test = images.read(
            test_images,
            preprocessing,
            num_test_images,
            seed,
            labels,
            num_classes,
        )
    return Source(
        name=name,
        model=model,
        preprocessing=preprocessing,
        labels=labels,
        calibration=calibration,
        test=test,
        origin={
            "weights": weights,
            "calibration_images": calibration_images,
            "test_images": test_images,
        },
    )


def read_labels(path):
    """Reads a text file with one class a line.

    Args:
        path: str.

    Returns:
        tuple of str.

    Raises:
        ValueError: there is no such file, or a line is empty or none there.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            labels = tuple(file.read().removesuffix("\n").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not all(label.strip() for label in labels):
        raise ValueError(
            f"{path} is damaged: it has an empty line or no line; expected one"
            " class a line"
        )
    return labels

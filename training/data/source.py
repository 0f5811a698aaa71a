"""Where images come from: what each kind of data set must offer."""

import abc

from keras_mvit.training.data.augmentation import Augmentation

SPLITS = ("train", "test")
WHOLE = (0, 1)  # the only shard of one


def shard_size(num_images, shard):
    """How many of the images are a shard's: the first shards may have one more.

    Args:
        num_images: int. Of all shards.
        shard: (int, int). Index and count.

    Returns:
        int.
    """
    index, count = shard
    return len(range(index, num_images, count))


class Source(abc.ABC):
    """A labelled set of images, split into `"train"` and `"test"`.

    Its elements are dictionaries of tensors: `name` (string; where the image
    is, for messages), `label` (int64), and whatever `read` needs.

    Args:
        name: str. What `make_source` would open it by, from any directory.
        class_names: sequence of str, in the order of the labels.
        num_images: dict of split to int.
        augmentation: `Augmentation` that suits the images.
        image_size: int or `None`. Size in pixels that suits the images; `None`
            leaves it to the model.
    """

    def __init__(
        self,
        name,
        class_names,
        num_images,
        augmentation=None,
        image_size=None,
    ):
        self.name = name
        self.class_names = tuple(class_names)
        self.num_images = dict(num_images)
        self.augmentation = augmentation or Augmentation()
        self.image_size = image_size

    @abc.abstractmethod
    def elements(self, split, order=None, shard=WHOLE):
        """The elements of a split as a `tf.data.Dataset`, not yet decoded.

        Args:
            split: str. `"train"` or `"test"`.
            order: `None` for the natural order, or (int, int): seed and epoch,
                of which the shuffled order is a pure function.
            shard: (int, int). Index and count: the part of one process among
                many. The parts are disjoint, together they are the whole,
                and they have `shard_size` elements. Defaults to the whole.
        """

    @abc.abstractmethod
    def read(self, element):
        """An element's image, in the graph of a `map`.

        Args:
            element: dict of tensors, from `elements`.

        Returns:
            string tensor () of an encoded image, or uint8 tensor (H, W, 3),
            of the same size for all.
        """

    @abc.abstractmethod
    def exclude(self, split, names):
        """Leaves images out; they are no longer counted.

        Args:
            split: str. `"train"` or `"test"`.
            names: collection of str. The `name` of each such element.

        Raises:
            ValueError: a class, or the split, would be empty.
        """

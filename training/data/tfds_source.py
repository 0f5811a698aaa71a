"""Any image classification data set of TensorFlow Datasets."""

import difflib
import re

import tensorflow as tf

from keras_mvit.training.data.shuffle import hash_order
from keras_mvit.training.data.source import WHOLE, Source

# NAME[/CONFIG][:VERSION][:TRAIN,TEST]; versions begin with a digit or star.
_SPEC = re.compile(r"(?P<name>[^:]+(:[\d*][\d.*]*)?)(:(?P<splits>.+))?")
_SHUFFLE_BUFFER = 16_384  # encoded images: about 2 GiB of ImageNet's


class TfdsSource(Source):
    """A data set of TensorFlow Datasets, read without decoding.

    It is prepared (and downloaded) if it is not yet there, in the folder of
    the environment variable `TFDS_DATA_DIR`. Files are shuffled, then images
    within a buffer, both as functions of (seed, epoch). A shard is a contiguous
    part of the split, so that a process reads its own files; which images a
    step sees therefore depends on the number of shards.

    Args:
        spec: str. `NAME` or `NAME:TRAIN,TEST`, for example `cifar10`,
            `imagenet2012:5.1.0` or `tf_flowers:train[:80%],train[80%:]`.
            Without splits, `train` and one of `test`, `validation`.

    Raises:
        ValueError: the data set or a split is unknown, or the data set has no
            image and class label.
    """

    def __init__(self, spec):
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise ValueError(
                f"A TFDS data set must be NAME or NAME:TRAIN,TEST, got {spec!r}"
            )
        self._builder = _prepared_builder(match["name"])
        self._splits = _choose_splits(self._builder, match["splits"])
        self._excluded = {split: [] for split in self._splits}
        self._image_key, self._label_key = _feature_keys(self._builder)
        super().__init__(
            name=f"tfds:{spec}",
            class_names=self._builder.info.features[self._label_key].names,
            num_images={
                split: self._builder.info.splits[name].num_examples
                for split, name in self._splits.items()
            },
        )

    def elements(self, split, order=None, shard=WHOLE):
        """See `Source.elements`."""
        if self._excluded[split]:
            dataset = self._read(split, order, WHOLE).filter(
                lambda element: tf.reduce_all(
                    element["name"] != self._excluded[split]
                )
            )
            # After the filter, for who knows whose shard it thinned out.
            index, count = shard
            dataset = dataset.shard(count, index)
        else:
            dataset = self._read(split, order, shard)
        if order is None:
            return dataset
        buffer = min(self.num_images[split], _SHUFFLE_BUFFER)
        return dataset.shuffle(buffer, seed=hash_order(order))

    def _read(self, split, order, shard):
        import tensorflow_datasets as tfds

        index, count = shard
        dataset = self._builder.as_dataset(
            split=tfds.even_splits(self._splits[split], count)[index],
            shuffle_files=order is not None,
            decoders={self._image_key: tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(
                shuffle_seed=None if order is None else hash_order(order),
                add_tfds_id=True,
                try_autocache=False,
            ),
        )
        return dataset.map(
            lambda example: {
                "name": example["tfds_id"],
                "label": example[self._label_key],
                "image": example[self._image_key],
            }
        )

    def read(self, element):
        """See `Source.read`."""
        return element["image"]

    def exclude(self, split, names):
        """See `Source.exclude`."""
        if len(names) >= self.num_images[split]:
            raise ValueError(f"Split {split} has no readable image left")
        self._excluded[split] += names
        self.num_images[split] -= len(names)


def _prepared_builder(name):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        # It goes on to list all there are.
        reason, *_ = str(error).strip().splitlines() or [""]
        known = tfds.list_builders(with_community_datasets=False)
        similar = difflib.get_close_matches(name, known)
        raise ValueError(
            f"TensorFlow Datasets has no data set {name!r}: {reason}"
            + (f" Similar: {', '.join(similar)}" if similar else "")
        ) from error
    builder.download_and_prepare()
    return builder


def _choose_splits(builder, splits):
    known = list(builder.info.splits)
    if splits is None:
        test = [name for name in ("test", "validation") if name in known]
        if "train" not in known or not test:
            raise ValueError(
                f"{builder.name} has the splits {known}; name one for training "
                f"and one for testing: tfds:{builder.name}:TRAIN,TEST, for "
                f"example tfds:{builder.name}:{known[0]}[:80%],{known[0]}[80%:]"
            )
        return {"train": "train", "test": test[0]}
    names = splits.split(",")
    if len(names) != 2:
        raise ValueError(f"Two splits, TRAIN,TEST, are needed; got {splits!r}")
    for name in names:
        try:
            builder.info.splits[name]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{builder.name} has no split {name!r}; it has {known}"
            ) from error
    return dict(zip(("train", "test"), names, strict=True))


def _feature_keys(builder):
    import tensorflow_datasets as tfds

    features = builder.info.features
    keys = []
    for kind in (tfds.features.Image, tfds.features.ClassLabel):
        found = [
            key for key, value in features.items() if isinstance(value, kind)
        ]
        if len(found) != 1:
            raise ValueError(
                f"{builder.name} must have one {kind.__name__} feature, "
                f"found {found or 'none'} among {list(features)}"
            )
        keys += found
    return keys

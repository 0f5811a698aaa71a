import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")

from keras_mvit.models import Preprocessing  # noqa: E402
from keras_mvit.training.data.make_source import make_source  # noqa: E402
from keras_mvit.training.data.multiscale import make_buckets  # noqa: E402
from keras_mvit.training.data.pipeline import Pipeline  # noqa: E402
from keras_mvit.training.data.source import shard_size  # noqa: E402


class TinyShapes(tfds.core.GeneratorBasedBuilder):
    """Made on the spot: nothing is downloaded."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=["dark", "light"]),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(40),
            "validation": self._generate_examples(6),
        }

    def _generate_examples(self, count):
        for index in range(count):
            image = np.full((40, 50, 3), index % 2 * 200 + index, np.uint8)
            yield index, {"image": image, "label": index % 2}


@pytest.fixture(scope="module", autouse=True)
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    TinyShapes(data_dir=folder).download_and_prepare()
    with pytest.MonkeyPatch.context() as patch:
        builder = tfds.builder
        patch.setattr(
            tfds, "builder", lambda name: builder(name, data_dir=folder)
        )
        yield


def names(source, split, order=None):
    elements = source.elements(split, order).as_numpy_iterator()
    return [element["name"] for element in elements]


def test_splits_classes_and_counts():
    source = make_source("tfds:tiny_shapes")
    assert source.class_names == ("dark", "light")
    assert source.num_images == {"train": 40, "test": 6}


@pytest.mark.parametrize("name", ["tiny_shapes", "tiny_shapes:1.0.0"])
def test_splits_can_be_named(name):
    source = make_source(f"tfds:{name}:train[:75%],train[75%:]")
    assert source.num_images == {"train": 30, "test": 10}
    assert not set(names(source, "train")) & set(names(source, "test"))


def test_images_are_not_decoded_before_their_turn():
    source = make_source("tfds:tiny_shapes")
    element = next(iter(source.elements("train")))
    assert source.read(element).dtype == "string"


def test_order_is_a_function_of_seed_and_epoch():
    source = make_source("tfds:tiny_shapes")
    first = names(source, "train", (0, 1))
    assert first == names(make_source("tfds:tiny_shapes"), "train", (0, 1))
    assert len(set(first)) == 40
    for order in ((0, 2), (1, 1)):
        other = names(source, "train", order)
        assert other != first and sorted(other) == sorted(first)


def test_in_the_pipeline():
    source = make_source("tfds:tiny_shapes")
    buckets = make_buckets(32, 8, 32, 48, 2, 16)
    pipeline = Pipeline(source, Preprocessing(image_size=(32, 32)), buckets)
    labels = np.concatenate([y for _, y in pipeline.epoch(0)])
    images = [x.numpy().mean(axis=(1, 2, 3)) for x, _ in pipeline.epoch(0)]
    light = np.concatenate(images) > 0.5
    np.testing.assert_array_equal(labels.argmax(axis=-1), light)
    assert light.sum() == 20


def test_images_can_be_excluded():
    source = make_source("tfds:tiny_shapes")
    first, second, *rest = names(source, "train")
    source.exclude("train", [first.decode(), second.decode()])
    assert source.num_images["train"] == 38
    assert names(source, "train") == rest
    with pytest.raises(ValueError, match="no readable image left"):
        source.exclude("test", [f"{n}" for n in range(6)])


@pytest.mark.parametrize(
    "spec, words",
    [
        ("tfds:no_such_data_set", "no data set 'no_such_data_set'"),
        ("tfds:tiny_shapes:train", "Two splits.*'train'"),
        ("tfds:tiny_shapes:train,exam", "no split 'exam'.*'validation'"),
        ("tfds::train,test", "NAME or NAME:TRAIN,TEST"),
    ],
)
def test_bad_specs(spec, words):
    with pytest.raises(ValueError, match=words):
        make_source(spec)


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("order", [None, (0, 1)])
def test_shards_are_disjoint_and_of_known_size(exclude, order):
    source = make_source("tfds:tiny_shapes")
    if exclude:
        found = [name.decode() for name in names(source, "train")]
        source.exclude("train", found[3:6])
    shards = [
        [
            element["name"]
            for element in source.elements(
                "train", order, (index, 3)
            ).as_numpy_iterator()
        ]
        for index in range(3)
    ]
    total = source.num_images["train"]
    assert [len(shard) for shard in shards] == [
        shard_size(total, (index, 3)) for index in range(3)
    ]
    assert sorted(sum(shards, [])) == sorted(names(source, "train"))


def test_the_rest_of_an_epoch():
    source = make_source("tfds:tiny_shapes")
    pipeline = Pipeline(
        source,
        Preprocessing(image_size=(32, 32)),
        make_buckets(32, 8, 32, 48, 2, 16, 2),
        shard=(1, 2),
    )
    whole = [x.numpy() for x, _ in pipeline.epoch(1)]
    rest = [x.numpy() for x, _ in pipeline.epoch(1, 2)]
    assert sum(map(len, whole)) == 20 and len(rest) == len(whole) - 2
    for x, y in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(x, y)


def test_an_unknown_data_set_is_one_line_with_those_alike():
    with pytest.raises(ValueError) as error:
        make_source("tfds:cifar11")
    message = str(error.value)
    assert "no data set 'cifar11'" in message and "cifar10" in message
    assert "\n" not in message and len(message) < 300

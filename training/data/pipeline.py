"""From a source to batches, in tf.data.

Files are read and decoded in parallel and come out in order, so an epoch is a
pure function of (seed, epoch) whatever the machine. Only encoded images wait
in shuffle buffers.
"""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.augment import evaluation_image
from keras_mvit.training.data.augmenter import Augmenter
from keras_mvit.training.data.floats import model_input
from keras_mvit.training.data.multiscale import plan_epoch
from keras_mvit.training.data.shuffle import hash_order, repeat_elements
from keras_mvit.training.data.source import WHOLE, shard_size
from keras_mvit.training.data.untuned import untuned

_OF_BATCHES = 0x313  # sets their draws apart from those of images
_DRAWN_AT_ONCE = 256  # images
# To call Python costs a fifth of decoding an image; memory is of all calls
# that run at once.
_IMAGES_OF_A_CALL = 32
# AUTOTUNE finds fewer, and its threads wait for each other longer than files.
_READS_AT_ONCE = 16


class Pipeline:
    """The batches of a run.

    Many processes that train together draw the same plan, and each takes its
    share of every batch: images `index::count` of it, augmented as one process
    alone would have augmented them.

    Args:
        source: `Source`.
        preprocessing: `keras_mvit.models.Preprocessing` of the model, with
            the image size of this run.
        buckets: sequence of `Bucket`, from `make_buckets`.
        seed: int. With the epoch it determines order, sizes and augmentation.
        augmentation: `Augmentation`. Defaults to the source's.
        eval_batch_size: int. Of this process. Defaults to `128`.
        shard: (int, int). Index and count of this process. Defaults to
            `(0, 1)`.
        batch_size_divisor: int. Every batch is a multiple of it; what remains
            of an epoch is left out. A multiple of the number of processes, for
            example the number of all their devices; this is also the default.
        whole_batches: bool. As of `plan_epoch`. Defaults to `False`.

    Raises:
        ValueError: `shard` is no index and count, `batch_size_divisor` no
            multiple of the count, a bucket's batch no multiple of that, or
            `eval_batch_size` below 1.
    """

    def __init__(
        self,
        source,
        preprocessing,
        buckets,
        seed=0,
        augmentation=None,
        eval_batch_size=128,
        shard=WHOLE,
        batch_size_divisor=None,
        whole_batches=False,
    ):
        self.source = source
        self.preprocessing = preprocessing
        self.buckets = tuple(buckets)
        self.seed = seed
        self.augmentation = augmentation or source.augmentation
        self.eval_batch_size = eval_batch_size
        self.shard = shard
        self.batch_size_divisor = batch_size_divisor or shard[1]
        self.whole_batches = whole_batches
        if eval_batch_size < 1:
            raise ValueError(
                f"eval_batch_size must be at least 1, got {eval_batch_size}"
            )
        _check_shares(self.shard, self.batch_size_divisor, self.buckets)
        self._augmenter = Augmenter(
            self.augmentation, preprocessing, len(source.class_names)
        )

    def plan(self, epoch):
        """The `EpochPlan` of an epoch, known before it starts.

        It is that of all processes together; every one of them draws the same.
        """
        images = self.source.num_images["train"]
        divisor = self.batch_size_divisor
        if images < divisor:
            raise ValueError(
                f"There must be at least {divisor} training images, one for "
                f"each device, got {images}"
            )
        return plan_epoch(
            images - images % divisor,
            self.buckets,
            self.seed,
            epoch,
            self.whole_batches,
        )

    def local_plan(self, epoch, first_step=0):
        """What this process reads of an epoch from a step on.

        Args:
            epoch: int, from 0.
            first_step: int. Below the number of steps. Defaults to `0`.

        Returns:
            `EpochPlan` of as many images as this process reads.
        """
        return self.plan(epoch).after(first_step).share(self.shard[1])

    def epoch(self, epoch, first_step=0):
        """The training batches of an epoch, or the rest of them.

        Args:
            epoch: int, from 0.
            first_step: int. Steps to leave out; the images of these are not
                decoded. Defaults to `0`.

        Returns:
            `tf.data.Dataset` of one element for each step of `local_plan`:
            float32 images (B, H, W, 3), with B and H = W by that plan, and
            float32 one-hot labels (B, classes). The same, to the bit, whatever
            the first step.
        """
        plan = self.local_plan(epoch, first_step)
        elements = self.source.elements("train", (self.seed, epoch), self.shard)
        index, count = self.shard
        positions = index + count * (
            plan.first_image + np.arange(plan.num_images)
        )
        # Images of one size and number follow each other, as planned.
        calls = plan.parts(_IMAGES_OF_A_CALL)
        draws = self._draws(
            plan.image_sizes_px, _seeds((self.seed, epoch), positions)
        )
        elements = repeat_elements(elements, self.augmentation.repeats)
        elements = elements.skip(plan.first_image).take(plan.num_images)
        images = elements.map(
            lambda element: (self.source.read(element), element["label"]),
            _READS_AT_ONCE,
            deterministic=True,
        )
        images = images.batch(_IMAGES_OF_A_CALL).rebatch(calls)
        batches = (
            tf.data.Dataset.zip(images, draws.rebatch(calls))
            .map(self._training_images, tf.data.AUTOTUNE, deterministic=True)
            .rebatch(plan.batch_sizes)
        )
        batch_draws = self._augmenter.batch_draws(
            (self.seed, epoch, _OF_BATCHES), first_step + plan.steps
        )
        batch_draws = tf.data.Dataset.from_tensor_slices(batch_draws)
        batches = tf.data.Dataset.zip(batches, batch_draws.skip(first_step))
        finish = self._augmenter.finish
        return _finish(
            batches.map(
                lambda batch, draw: finish(*batch, draw), tf.data.AUTOTUNE
            ),
            plan.steps,
        )

    def evaluation(self, split="test"):
        """The batches of this process's part of a split, in order.

        All images of the split are in the part of one process; they may differ
        by an image.

        Args:
            split: str. `"test"` or `"train"`.

        Returns:
            `tf.data.Dataset` of float32 images (B, height, width, 3) and
            float32 one-hot labels (B, classes).
        """
        images = self.evaluation_images(split, shard=self.shard)
        count = shard_size(self.source.num_images[split], self.shard)
        steps = -(-count // self.eval_batch_size)
        batches = images.batch(self.eval_batch_size)
        return _finish(batches.map(self._model_input, tf.data.AUTOTUNE), steps)

    def evaluation_images(self, split, order=None, shard=WHOLE):
        """Single images through the evaluation path, not yet scaled.

        Args:
            split: str. `"test"` or `"train"`.
            order: as of `Source.elements`.
            shard: as of `Source.elements`.

        Returns:
            `tf.data.Dataset` of uint8 images (height, width, 3) and int64
            labels ().
        """
        images = self.source.elements(split, order, shard).map(
            self._evaluation_image, tf.data.AUTOTUNE, deterministic=True
        )
        return untuned(images)

    def augmented_samples(self, count, order):
        """The same few training images, augmented at every size.

        Args:
            count: int. Images of each size, if there are so many.
            order: as of `Source.elements`.

        Returns:
            dict of `Bucket` to list of (uint8 array (H, W, 3), int label).
        """
        elements = list(self.source.elements("train", order).take(count))
        images = tf.stack([self.source.read(x) for x in elements])
        labels = [int(x["label"]) for x in elements]
        seeds = _seeds(order, np.arange(len(self.buckets) * len(elements)))
        seeds = iter(seeds.reshape(len(self.buckets), -1, 2))
        samples = {}
        for bucket in self.buckets:
            sizes_px = np.full(len(labels), bucket.size_px)
            draws = self._augmenter.draws(sizes_px, next(seeds))
            augmented = self._augmenter.augment(images, bucket.size_px, draws)
            samples[bucket] = list(zip(augmented.numpy(), labels, strict=True))
        return samples

    def _draws(self, sizes_px, seeds):
        """A data set of sizes, seeds, and all that is drawn for each image."""
        sizes_px, seeds = tf.constant(sizes_px, tf.int32), tf.constant(seeds)

        # Of many images at once, and as they come: it is too much to keep.
        def draw(start):
            some = slice(start, start + _DRAWN_AT_ONCE)
            drawn = self._augmenter.draws(sizes_px[some], seeds[some])
            return sizes_px[some], seeds[some], drawn

        return tf.data.Dataset.range(0, len(seeds), _DRAWN_AT_ONCE).map(draw)

    def _training_images(self, images_and_labels, drawn):
        """Some images of a batch, their labels and their seeds."""
        images, labels = images_and_labels
        sizes_px, seeds, draws = drawn
        images = self._augmenter.augment(images, sizes_px[0], draws)
        return images, labels, seeds

    def _evaluation_image(self, element):
        image = evaluation_image(
            self.source.read(element),
            self.preprocessing.image_size,
            self.preprocessing.crop_fraction,
            self.preprocessing.interpolation,
        )
        return image, element["label"]

    def _model_input(self, images, labels):
        images = model_input(images, self.preprocessing)
        return images, tf.one_hot(labels, len(self.source.class_names))


def _seeds(order, numbers):
    seeds = np.empty((len(numbers), 2), np.int32)
    seeds[:, 0] = np.uint32(hash_order(order)).view(np.int32)
    seeds[:, 1] = numbers
    return seeds


def _finish(batches, steps):
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return untuned(batches.prefetch(2))


def _check_shares(shard, divisor, buckets):
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"shard must be 0 <= index < count, got {shard}")
    if divisor % count:
        raise ValueError(
            f"batch_size_divisor must be a multiple of {count} processes, "
            f"got {divisor}"
        )
    for bucket in buckets:
        if bucket.batch_size % divisor:
            raise ValueError(
                f"Batch sizes must be multiples of {divisor}, got {bucket}; "
                "make_buckets has batch_size_divisor for this"
            )

"""From a source to batches, in tf.data.

Files are read and decoded in parallel and come out in order, so an epoch is a
pure function of (seed, epoch) whatever the machine. Only encoded images wait
in shuffle buffers.
"""

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.augment import augment, resize_and_centre_crop
from keras_mvit.training.data.decode import decode_image
from keras_mvit.training.data.multiscale import plan_epoch
from keras_mvit.training.data.shuffle import hash_order


class Pipeline:
    """The batches of a run.

    Args:
        source: `Source`.
        preprocessing: `keras_mvit.models.Preprocessing` of the model, with
            the image size of this run.
        buckets: sequence of `Bucket`, from `make_buckets`.
        seed: int. With the epoch it determines order, sizes and augmentation.
        augmentation: `Augmentation`. Defaults to the source's.
        eval_batch_size: int. Defaults to `128`.
    """

    def __init__(
        self,
        source,
        preprocessing,
        buckets,
        seed=0,
        augmentation=None,
        eval_batch_size=128,
    ):
        self.source = source
        self.preprocessing = preprocessing
        self.buckets = tuple(buckets)
        self.seed = seed
        self.augmentation = augmentation or source.augmentation
        self.eval_batch_size = eval_batch_size

    def plan(self, epoch):
        """The `EpochPlan` of an epoch, known before it starts."""
        return plan_epoch(
            self.source.num_images["train"], self.buckets, self.seed, epoch
        )

    def epoch(self, epoch):
        """The training batches of an epoch.

        Args:
            epoch: int, from 0.

        Returns:
            `tf.data.Dataset` of as many elements as `plan(epoch).steps`:
            float32 images (B, H, W, 3), with B and H = W by the plan, and
            float32 one-hot labels (B, classes).
        """
        plan = self.plan(epoch)
        elements = self.source.elements("train", (self.seed, epoch))
        draws = tf.data.Dataset.from_tensor_slices(
            {
                "size_px": plan.image_sizes_px.astype(np.int32),
                "seed": self._image_seeds(epoch, len(plan.image_sizes_px)),
            }
        )
        images = tf.data.Dataset.zip(elements, draws).map(
            self._training_image, tf.data.AUTOTUNE, deterministic=True
        )
        # Images of one size and number follow each other, as planned.
        batches = images.batch(1).rebatch(plan.batch_sizes)
        return self._finish(batches, plan.steps)

    def evaluation(self, split="test"):
        """The batches of a split at the fixed size, in order.

        Args:
            split: str. `"test"` or `"train"`.

        Returns:
            `tf.data.Dataset` of float32 images (B, height, width, 3) and
            float32 one-hot labels (B, classes).
        """
        images = self.evaluation_images(split).batch(self.eval_batch_size)
        steps = -(-self.source.num_images[split] // self.eval_batch_size)
        return self._finish(images, steps)

    def evaluation_images(self, split, order=None):
        """Single images through the evaluation path, not yet scaled.

        Args:
            split: str. `"test"` or `"train"`.
            order: as of `Source.elements`.

        Returns:
            `tf.data.Dataset` of uint8 images (height, width, 3) and int64
            labels ().
        """
        return self.source.elements(split, order).map(
            self._evaluation_image, tf.data.AUTOTUNE, deterministic=True
        )

    def augmented_samples(self, count, order):
        """The same few training images, augmented at every size.

        Args:
            count: int. Images of each size, if there are so many.
            order: as of `Source.elements`.

        Returns:
            dict of `Bucket` to list of (uint8 array (H, W, 3), int label).
        """
        elements = list(self.source.elements("train", order).take(count))
        seeds = iter(self._image_seeds(0, len(self.buckets) * len(elements)))
        samples = {}
        for bucket in self.buckets:
            images = [
                self._training_image(
                    element, {"size_px": bucket.size_px, "seed": next(seeds)}
                )
                for element in elements
            ]
            samples[bucket] = [(x.numpy(), int(label)) for x, label in images]
        return samples

    def _image_seeds(self, epoch, count):
        seeds = np.empty((count, 2), np.int32)
        seeds[:, 0] = np.uint32(hash_order((self.seed, epoch))).view(np.int32)
        seeds[:, 1] = np.arange(count)
        return seeds

    def _training_image(self, element, draw):
        image = augment(
            read_image(self.source, element),
            draw["size_px"],
            draw["seed"],
            self.augmentation,
            self.preprocessing.interpolation,
        )
        return image, element["label"]

    def _evaluation_image(self, element):
        image = resize_and_centre_crop(
            read_image(self.source, element),
            self.preprocessing.image_size,
            self.preprocessing.crop_fraction,
            self.preprocessing.interpolation,
        )
        return image, element["label"]

    def _finish(self, batches, steps):
        batches = batches.map(self._model_input, tf.data.AUTOTUNE)
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
        return batches.prefetch(2)

    def _model_input(self, images, labels):
        images = scale(images, self.preprocessing)
        return images, tf.one_hot(labels, len(self.source.class_names))


def read_image(source, element):
    """Reads and, if need be, decodes: uint8 (H, W, 3)."""
    image = source.read(element)
    return decode_image(image) if image.dtype == tf.string else image


def scale(images, preprocessing):
    """Pixels to the model's input.

    Args:
        images: uint8 tensor (B, H, W, 3), RGB.
        preprocessing: `keras_mvit.models.Preprocessing`.

    Returns:
        float32 tensor (B, H, W, 3).
    """
    return preprocessing.normalize(tf.cast(images, tf.float32) / 255.0)

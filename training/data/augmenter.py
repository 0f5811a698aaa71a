"""The augmentation of a run: of single images, then of the batch they fill."""

import tensorflow as tf

from keras_mvit.training.data.augment import augment_draws, augment_images
from keras_mvit.training.data.erasing import erase_by_noise
from keras_mvit.training.data.floats import model_input
from keras_mvit.training.data.mixing import mix, mix_draws


class Augmenter:
    """What becomes of images and labels on their way to the model.

    Args:
        augmentation: `Augmentation`.
        preprocessing: `keras_mvit.models.Preprocessing` of the model.
        num_classes: int.
    """

    def __init__(self, augmentation, preprocessing, num_classes):
        self._augmentation = augmentation
        self._preprocessing = preprocessing
        self._num_classes = num_classes
        self._interpolation = (
            augmentation.interpolation or preprocessing.interpolation
        )
        mean = tuple(round(255 * x) for x in preprocessing.mean)
        flipped = preprocessing.channel_order == "bgr"
        self._mean = mean[::-1] if flipped else mean
        # Traced once and not in every epoch: it is a large graph.
        self.finish = tf.function(self._finish, reduce_retracing=True)

    def draws(self, sizes_px, seeds):
        """All that is random of some images.

        Args:
            sizes_px: int32 tensor (B,). Height and width of each.
            seeds: int32 tensor (B, 2).

        Returns:
            dict of tensors (B, ...).
        """
        return augment_draws(seeds, sizes_px, self._augmentation)

    def augment(self, images, size_px, draws):
        """Images of one size, each changed as drawn for it.

        Args:
            images: uint8 tensor (B, H, W, 3), or string tensor (B,) of files'
                bytes.
            size_px: int32 tensor (). Height and width of the results.
            draws: dict of tensors (B, ...), as of `draws`.

        Returns:
            uint8 tensor (B, size_px, size_px, 3).
        """
        return augment_images(
            images,
            size_px,
            draws,
            self._augmentation,
            self._interpolation,
            self._mean,
        )

    def batch_draws(self, order, steps):
        """All that is random of the batches of an epoch, not of single images.

        Args:
            order: sequence of int. The epoch's.
            steps: int.

        Returns:
            dict of arrays (steps, ...).
        """
        return mix_draws(order, steps, self._augmentation)

    def _finish(self, images, labels, seeds, draw):
        """A batch as the model takes it: erased by noise, mixed, floats.

        Args:
            images: uint8 tensor (B, H, W, 3).
            labels: int64 tensor (B,).
            seeds: int32 tensor (B, 2). Of the images.
            draw: dict of tensors, this batch's of `batch_draws`.

        Returns:
            float32 tensors (B, H, W, 3) and (B, classes).
        """
        on = self._augmentation
        labels = tf.one_hot(labels, self._num_classes)
        if probability := on.erasing_probability("pixel"):
            images = model_input(images, self._preprocessing)
            images = erase_by_noise(images, seeds, probability)
        if on.mixes:
            images, labels = mix(images, labels, draw)
        if not probability:  # floats come last: four times as many bytes
            images = model_input(images, self._preprocessing)
        return images, labels

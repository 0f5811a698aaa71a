import numpy as np

from keras_mvit.models import Preprocessing
from keras_mvit.training.data.floats import model_input


def test_model_input():
    images = np.full((1, 1, 1, 3), (0, 51, 255), np.uint8)
    plain = model_input(images, Preprocessing())
    np.testing.assert_allclose(plain[0, 0, 0], [0, 0.2, 1])
    normalized = model_input(
        images, Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.1, 1))
    )
    np.testing.assert_allclose(normalized[0, 0, 0], [-1, -3, 0.5], rtol=1e-6)
    flipped = model_input(images, Preprocessing(channel_order="bgr"))
    np.testing.assert_allclose(flipped[0, 0, 0], [1, 0.2, 0])

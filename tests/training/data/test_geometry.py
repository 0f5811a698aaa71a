import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_mvit.training.data import geometry

BLACK = (0, 0, 0)


def smooth_image(height=36, width=44):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(image).resize((width, height)))


def affine(matrix):
    return lambda image, number: image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix(number, *image.size),
        resample=Image.Resampling.BILINEAR,
    )


REFERENCES = {
    geometry.shear_x: affine(lambda s, w, h: (1, s, 0, 0, 1, 0)),
    geometry.shear_y: affine(lambda s, w, h: (1, 0, 0, s, 1, 0)),
    geometry.translate_x: affine(lambda f, w, h: (1, 0, -int(f * w), 0, 1, 0)),
    geometry.translate_y: affine(lambda f, w, h: (1, 0, 0, 0, 1, -int(f * h))),
    geometry.rotate: lambda image, degrees: image.rotate(
        degrees, Image.Resampling.BILINEAR
    ),
}
REACH = {geometry.rotate: 30.0}


def run(move, image, number, fill=BLACK):
    return move(image, np.float32(number), fill)


def run_pillow(move, image, number):
    return np.asarray(REFERENCES[move](Image.fromarray(image), number))


@settings(deadline=None, max_examples=20)
@given(st.floats(-1, 1))
@pytest.mark.parametrize("move", REFERENCES)
def test_moves_are_pillows(move, level):
    number = np.float32(level * REACH.get(move, 0.4))
    image = smooth_image()
    # Only where both see the image alone; they blend its edge differently.
    white = np.full_like(image, 255)
    inside = (run(move, white, number) == 255) & (
        run_pillow(move, white, number) == 255
    )
    assert inside.mean() > 0.5
    difference = run(move, image, number).astype(int)
    difference -= run_pillow(move, image, number)
    assert np.abs(difference[inside]).max() <= 1


@pytest.mark.parametrize("fill", [BLACK, (9, 60, 200)])
@pytest.mark.parametrize("move", REFERENCES)
def test_the_corner_is_filled_and_zero_changes_nothing(move, fill):
    image = smooth_image()
    np.testing.assert_array_equal(run(move, image, 0.0, fill), image)
    moved = run(move, image, REACH.get(move, 0.3), fill)
    corners = moved[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == fill).all(axis=-1).any()

import numpy as np
import tensorflow as tf

from keras_mvit.training.data.draws import normals, uniforms


def seeds(count, first=-7):
    return tf.stack([tf.fill([count], first), tf.range(count)], axis=1)


def test_draws_are_uniform_and_independent():
    draws = uniforms(seeds(20_000), 6, "a").numpy()
    assert draws.dtype == np.float32
    assert 0 <= draws.min() < 1e-3 and 1 - 1e-3 < draws.max() < 1
    np.testing.assert_allclose(draws.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(draws.var(0), 1 / 12, atol=0.003)
    others = [
        draws[:, 1:],  # of the same image
        np.roll(draws, 1, axis=0),  # of the next image
        uniforms(seeds(20_000), 6, "b").numpy(),
        uniforms(seeds(20_000, -6), 6, "a").numpy(),
    ]
    for other in others:
        assert abs(np.corrcoef(draws[:, 0], other[:, 0])[0, 1]) < 0.025


def test_draws_are_those_of_the_seed():
    whole = uniforms(seeds(9), 3, "a").numpy()
    np.testing.assert_array_equal(uniforms(seeds(9)[4:6], 3, "a"), whole[4:6])
    np.testing.assert_array_equal(uniforms(seeds(9), 2, "a"), whole[:, :2])


def test_normals():
    draws = normals(seeds(20_000), 2, "a").numpy()
    assert np.isfinite(draws).all()
    np.testing.assert_allclose(draws.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(draws.std(0), 1, atol=0.02)
    np.testing.assert_allclose((draws < -1).mean(0), 0.1587, atol=0.01)

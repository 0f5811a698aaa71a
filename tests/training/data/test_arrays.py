import numpy as np
import pytest

from keras_mvit.training.data.arrays import empty


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(3,), (5, 7, 9, 3)])
def test_arrays_are_aligned_and_writable(shape, dtype):
    arrays = [empty(shape, dtype) for _ in range(20)]
    for number, array in enumerate(arrays):
        assert array.shape == shape and array.dtype == dtype
        assert array.ctypes.data % 64 == 0 and array.flags.c_contiguous
        array[...] = number
    for number, array in enumerate(arrays):
        assert (array == number).all()


def test_numpys_own_are_not():
    arrays = [np.empty(100, np.float32) for _ in range(50)]
    assert any(array.ctypes.data % 64 for array in arrays)

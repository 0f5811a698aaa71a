import shutil

import pytest

from keras_mvit.export import exporter, workdir
from tests.export.small_model import write_workdir

FORMATS = ["float32", "float16", "dynamic", "int8"]


@pytest.fixture(scope="session")
def trained_dir(tmp_path_factory):
    """A work directory; not to be changed."""
    return write_workdir(tmp_path_factory.mktemp("workdir"))


@pytest.fixture(scope="session")
def source(trained_dir):
    return workdir.read_workdir(str(trained_dir))


@pytest.fixture(scope="session")
def exported(source, tmp_path_factory):
    """(folder, card) of an export in all formats; not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    card = exporter.export(
        source, FORMATS, str(folder), num_calibration_images=64, log=len
    )
    return folder, card


@pytest.fixture(scope="session")
def float32_file(exported):
    return (exported[0] / "small_float32.tflite").read_bytes()


@pytest.fixture
def copied_dir(trained_dir, tmp_path):
    """A work directory to damage."""
    return shutil.copytree(trained_dir, tmp_path / "copy")

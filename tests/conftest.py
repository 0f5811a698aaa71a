"""Settings of all tests."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402


def pytest_addoption(parser):
    parser.addoption(
        "--large", action="store_true", help="also run the slow tests"
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--large"):
        return
    skip = pytest.mark.skip(reason="slow: run with --large")
    for item in items:
        if "large" in item.keywords:
            item.add_marker(skip)


def pytest_collection_finish(session):
    # TensorFlow's converter collects garbage, each time among all that was
    # imported: three quarters of the time of a small model.
    gc.freeze()

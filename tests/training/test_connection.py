import socket

import pytest

from keras_mvit.training import connection
from keras_mvit.training.connection import connected
from keras_mvit.training.distribution import ALONE


@pytest.fixture
def on_jax(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")


def open_connection(*arguments):
    with connected(*arguments) as distribution:
        return distribution


def test_without_flags_there_is_one_device():
    assert open_connection() is ALONE


def test_kind():
    with pytest.raises(ValueError, match="none, mirrored, got 'both'"):
        open_connection("both")


def test_several_processes_need_jax():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax.*got.*tensorflow"):
        open_connection("none", "localhost:1", 0, 2)


@pytest.mark.usefixtures("on_jax")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mirrored", "localhost:1", 0, 2), "without distribute"),
        (("none", None, None, 2), "each needs coordinator, process_id and"),
        (("none", "localhost:1", None, 2), "got localhost:1, None, 2"),
        (("none", "localhost:1", 2, 2), r"below num_processes \(2\), got 2"),
        (("none", "localhost:1", -1, 2), "got -1"),
        (("none", "localhost:1", 0, 0), "got 0"),
        (("none", "localhost", 0, 2), "HOST:PORT, got 'localhost'"),
        (("none", "localhost:70000", 0, 2), "got 'localhost:70000'"),
        (("none", ":1234", 0, 2), "got ':1234'"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        open_connection(*arguments)


@pytest.mark.usefixtures("on_jax")
def test_an_unreachable_coordinator_is_named(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0)
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=f"{address} was not reached"):
        open_connection("none", address, 1, 2)


@pytest.mark.usefixtures("on_jax")
def test_a_port_in_use_is_named():
    with socket.create_server(("", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"{address} cannot be served"):
            open_connection("none", address, 0, 2)

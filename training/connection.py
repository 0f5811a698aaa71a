"""How processes find each other, and end if one of them is lost."""

import atexit
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time

import keras
import numpy as np

from keras_mvit.training.distribution import (
    ALONE,
    KINDS,
    mirrored,
    on_all_jax_devices,
)

LOST_STATUS = os.EX_TEMPFAIL  # 75: to be tried again
CONNECT_SECONDS = 120
_HEARTBEAT_SECONDS = 30
_LOST = (
    "Another process of this run has ended or cannot be reached. This one ends "
    "too; start all of them again: the same commands resume."
)


@contextlib.contextmanager
def connected(
    distribute="none", coordinator=None, process_id=None, num_processes=None
):
    """Brings together all that shall train one model, inside the block.

    To be called before anything is computed with Keras.

    Args:
        distribute: str. `"none"`: a single device of TensorFlow, or all of
            JAX; `"mirrored"`: all GPUs of this host, by TensorFlow.
        coordinator: str. `"HOST:PORT"` at which the others reach process 0.
        process_id: int, from 0.
        num_processes: int.

    Yields:
        `Distribution`.

    Raises:
        ValueError: a bad argument, or one that the backend cannot serve.
        ConnectionError: the coordinator was not reached in time.
        SystemExit: another process was lost; with status 75.
    """
    check_arguments(distribute, coordinator, process_id, num_processes)
    if keras.backend.backend() != "tensorflow":
        import tensorflow as tf

        # It only reads images here, but would take all memory of the GPUs.
        tf.config.set_visible_devices([], "GPU")
    if distribute == "mirrored":
        yield mirrored()
    elif coordinator is not None:
        with _jax_cluster(coordinator, process_id, num_processes):
            yield on_all_jax_devices()
    elif keras.backend.backend() == "jax":
        yield on_all_jax_devices()
    else:
        yield ALONE


def check_arguments(distribute, coordinator, process_id, num_processes):
    """Raises `ValueError` unless the arguments of `connected` fit together."""
    if distribute not in KINDS:
        raise ValueError(
            f"distribute must be one of {', '.join(KINDS)}, got {distribute!r}"
        )
    several = (coordinator, process_id, num_processes)
    if several == (None, None, None):
        return
    if None in several:
        raise ValueError(
            "Of several processes each needs coordinator, process_id and "
            f"num_processes, got {coordinator}, {process_id}, {num_processes}"
        )
    if keras.backend.backend() != "jax" or distribute != "none":
        raise ValueError(
            "Several processes train on KERAS_BACKEND=jax, without distribute; "
            f"got KERAS_BACKEND={keras.backend.backend()}, "
            f"distribute={distribute}"
        )
    if not 0 <= process_id < num_processes:
        raise ValueError(
            "process_id must be from 0 to below num_processes "
            f"({num_processes}), got {process_id}"
        )
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"coordinator must be HOST:PORT, got {coordinator!r}")


@contextlib.contextmanager
def _jax_cluster(coordinator, process_id, num_processes):
    if process_id == 0:
        _check_port(coordinator)
    else:
        _wait_for(coordinator)
    import jax
    from jax.experimental.multihost_utils import process_allgather

    _on_abort(
        f"Error: not all {num_processes} processes came to {coordinator} "
        f"within {CONNECT_SECONDS} s, or two have the same --process_id."
    )
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator,
        num_processes,
        process_id,
        cluster_detection_method="deactivate",
        initialization_timeout=CONNECT_SECONDS,
        heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
    )
    _on_abort(_LOST)
    try:
        # The first collective waits no longer than 30 s; the later ones do.
        process_allgather(np.zeros(()))
        yield
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and _is_loss(error):
            print(_LOST, file=sys.stderr)
            _end_at_once(LOST_STATUS)
            raise SystemExit(LOST_STATUS) from error
        _end_at_once(130 if isinstance(error, KeyboardInterrupt) else 1)
        raise
    jax.distributed.shutdown()  # when all have come so far


def _end_at_once(status):
    """Has Python end without waiting for the other processes.

    They might wait for this one: JAX ends only when all do.

    Args:
        status: int. Of this process.
    """

    def end():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    atexit.register(end)  # before what JAX has registered


def _is_loss(error):
    """Whether it came of another process, not of memory for example."""
    words = ("gloo", "nccl", "coordination", "unavailable", "heartbeat")
    return any(word in str(error).lower() for word in words)


def _on_abort(message):
    """Ends with a line where JAX ends the process with `abort()`.

    It does so, in a thread of its own, when it hears no more of the others. No
    Python handler would run then; this one is called by the C library.
    """

    def end(number):
        os.write(2, f"\n{message}\n".encode())
        os._exit(LOST_STATUS)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(end)
    ctypes.CDLL(None).signal(signal.SIGABRT, handler)
    _HANDLERS.append(handler)


_HANDLERS = []  # C has no reference that would keep them


def _check_port(coordinator):
    """Else JAX ends without a word."""
    port = int(coordinator.rpartition(":")[2])
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise ValueError(
            f"coordinator {coordinator} cannot be served here: {error}"
        ) from error


def _wait_for(coordinator):
    host, _, port = coordinator.rpartition(":")
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return socket.create_connection((host, int(port)), 5).close()
        except OSError as error:
            if time.monotonic() > end:
                raise ConnectionError(
                    f"coordinator {coordinator} was not reached within "
                    f"{CONNECT_SECONDS} s ({error}). Is process 0 running "
                    "there, and the port open?"
                ) from error
        time.sleep(0.5)

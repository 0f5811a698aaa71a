"""The devices and processes that train one model together."""

import contextlib
import dataclasses
import logging
import pickle
from typing import Any

import keras
import numpy as np

KINDS = ("none", "mirrored")


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Who trains together: each device computes its share of every batch.

    Weights are the same on all devices. Every process reads its own images;
    only the chief, process 0, reads and writes the work directory.

    Args:
        num_devices: int. Of all processes; divides every batch.
        process_id: int.
        num_processes: int.
        strategy: what has a `scope()`, Keras's or TensorFlow's; `None` for a
            single device.
    """

    num_devices: int = 1
    process_id: int = 0
    num_processes: int = 1
    strategy: Any = None

    @property
    def shard(self):
        """(int, int). Index and count of this process's part of the data."""
        return self.process_id, self.num_processes

    @property
    def is_chief(self):
        """Bool. Whether this process is the one that writes and prints."""
        return self.process_id == 0

    def scope(self):
        """Where the trained model is made; its average is made outside."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

    def fit_scope(self):
        """Where it is fitted; on TensorFlow the model knows its devices."""
        if keras.backend.backend() == "tensorflow":
            return contextlib.nullcontext()
        return self.scope()

    def report(self, text):
        """Prints, if this is the chief."""
        if self.is_chief:
            print(text, flush=True)

    def gather(self, value):
        """What every process has, in all of them.

        Args:
            value: what `pickle` takes.

        Returns:
            list, one element a process.
        """
        if self.num_processes == 1:
            return [value]
        from jax.experimental.multihost_utils import process_allgather

        data = _to_bytes(value)
        size = max(process_allgather(np.array(len(data))))
        padded = np.pad(data, (0, size - len(data)))
        return [
            pickle.loads(row.tobytes()) for row in process_allgather(padded)
        ]

    def from_chief(self, value):
        """What the chief has, in all processes.

        Args:
            value: what `pickle` takes; of other processes it is not looked at.
        """
        if self.num_processes == 1:
            return value
        from jax.experimental.multihost_utils import broadcast_one_to_all

        data = _to_bytes(value if self.is_chief else None)
        size = int(broadcast_one_to_all(np.array(len(data))))
        data = data if self.is_chief else np.zeros(size, np.uint8)
        return pickle.loads(np.asarray(broadcast_one_to_all(data)).tobytes())

    def check_agreement(self, values):
        """Checks that all processes were started alike.

        Args:
            values: dict. What has to be the same in all of them.

        Raises:
            ValueError: something differs from the chief's.
        """
        others = self.gather(values)
        for process_id, other in enumerate(others):
            for name, value in others[0].items():
                if other[name] != value:
                    raise ValueError(
                        "All processes must have the same flags and data, but "
                        f"{name} is {value!r} in process 0 and "
                        f"{other[name]!r} in process {process_id}"
                    )


ALONE = Distribution()


def mirrored():
    """All GPUs of this host, by TensorFlow; without any, its logical CPUs.

    Each GPU normalizes its own share of a batch by that share's statistics;
    their running means are the mean of all.

    Raises:
        ValueError: the backend is another.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "distribute=mirrored is of KERAS_BACKEND=tensorflow; "
            f"{keras.backend.backend()} takes all devices of a host by itself "
            "if it is jax, else one"
        )
    import tensorflow as tf

    # It logs a line for each variable that it reduces.
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    strategy = tf.distribute.MirroredStrategy()
    return Distribution(strategy.num_replicas_in_sync, strategy=strategy)


def on_all_jax_devices():
    """All devices of this process and of those that are connected with it."""
    import jax

    devices = jax.device_count()
    strategy = None
    if devices > 1:
        # The pipeline has given each process its share already.
        strategy = keras.distribution.DataParallel(auto_shard_dataset=False)
    return Distribution(
        devices, jax.process_index(), jax.process_count(), strategy
    )


def _to_bytes(value):
    return np.frombuffer(pickle.dumps(value), np.uint8)

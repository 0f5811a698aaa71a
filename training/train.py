"""Trains a model: flags and nothing else.

python -m keras_mvit.training.train --recipe=finetune --workdir=runs/digits
"""

import dataclasses

from absl import app, flags

from keras_mvit import console
from keras_mvit.training.settings import Settings, kind

_DRY_RUN = flags.DEFINE_boolean(
    "dry_run",
    False,
    "Say what would be done, train two steps, and write nothing.",
)
_DISTRIBUTE = flags.DEFINE_enum(
    "distribute",
    "none",
    ["none", "mirrored"],
    "mirrored: all GPUs of this host, on TensorFlow. On JAX none means all.",
)
_COORDINATOR = flags.DEFINE_string(
    "coordinator",
    None,
    "Of several processes, on KERAS_BACKEND=jax: HOST:PORT of the first one.",
)
_PROCESS_ID = flags.DEFINE_integer(
    "process_id", None, "Of several processes: which is this, from 0."
)
_NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes", None, "Of several processes: how many."
)


def _define_flag(field):
    """A flag for a field of `Settings`, of its type and with its help."""
    required = field.default is dataclasses.MISSING
    default = None if required else field.default
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }.get(kind(field), flags.DEFINE_list)
    define(field.name, default, field.metadata["help"], required=required)


for _field in dataclasses.fields(Settings):
    _define_flag(_field)


def main(argv):
    """Trains.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    console.import_keras_quietly("tensorflow")
    from keras_mvit.training.connection import connected
    from keras_mvit.training.dry_run import dry_run
    from keras_mvit.training.run import train_model

    names = [field.name for field in dataclasses.fields(Settings)]
    values = {name: flags.FLAGS[name].value for name in names}
    settings = Settings(**values)
    with connected(
        _DISTRIBUTE.value,
        _COORDINATOR.value,
        _PROCESS_ID.value,
        _NUM_PROCESSES.value,
    ) as distribution:
        action = dry_run if _DRY_RUN.value else train_model
        action(settings, distribution)


def run():
    """The console script `keras-mvit-train`."""
    app.run(console.friendly(main, "The same command resumes."))


if __name__ == "__main__":
    run()

"""Measures the latency of LiteRT files on this machine.

    python -m keras_mvit.export.measure_latency \
        --models=runs/demo/export --threads=1,2 --output=latency.json

Machines differ and are never quiet: trust the ratios within one run.
"""

from absl import app, flags

from keras_mvit import console
from keras_mvit.export.latency import host, results

_MODELS = flags.DEFINE_list(
    "models", None, "LiteRT files, folders or patterns, by commas."
)
_THREADS = flags.DEFINE_list("threads", ["1"], "Numbers of threads.")
_RUNS = flags.DEFINE_integer("runs", 100, "Timed runs of each.")
_WARMUP_RUNS = flags.DEFINE_integer("warmup_runs", 10, "Runs before them.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the random inputs.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
flags.mark_flag_as_required("models")


def main(argv):
    """Measures what the flags say and prints a table."""
    del argv
    measurement = host.measure(
        host.find_models(_MODELS.value),
        threads=_threads(_THREADS.value),
        runs=_RUNS.value,
        warmup_runs=_WARMUP_RUNS.value,
        seed=_SEED.value,
    )
    print(results.table(measurement))
    if _OUTPUT.value is not None:
        results.write(_OUTPUT.value, measurement)


def _threads(values):
    if not all(value.isdecimal() for value in values):
        raise ValueError(
            f"--threads is {','.join(values)!r}; expected numbers such as 1,2"
        )
    return [int(value) for value in values]


def run():
    """Entry point of the console script."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

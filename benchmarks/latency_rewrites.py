"""What each rewrite of the deploy form gains.

    python -m benchmarks.latency_rewrites
    python -m benchmarks.latency_rewrites --models=mobilevit_s --runs=200

The file that the export makes of a model takes turns with files in which one
rewrite is left out, and with one of the model as it was trained. Above 1: so
many times slower without. One thread, XNNPACK, float32.
"""

from absl import app

from benchmarks import latency, latency_figures
from benchmarks.rewrites_left_out import REWRITES, without
from keras_mvit import console


def main(argv):
    """Measure and print."""
    del argv
    latency.check_models()
    console.import_keras_quietly()
    for model in latency.MODELS.value:
        contents = {"": latency.our_float32(model)}
        for name, (families, _) in REWRITES.items():
            if model.split("_")[0] in families.split():
                with without(name):
                    contents[name] = latency.our_float32(model)
        files = latency_figures.measure(contents, latency.RUNS.value)
        rows = [
            [
                f"without: {file.name}" if file.name else model,
                f"{file.median_ms:.2f}",
                f"{file.median_ms / files[0].median_ms:.3f}",
                str(file.num_partitions),
            ]
            for file in files
        ]
        header = ["", "ms", "/ deploy form", "parts"]
        print(console.table(header, rows), end="\n\n", flush=True)


if __name__ == "__main__":
    app.run(console.friendly(main))

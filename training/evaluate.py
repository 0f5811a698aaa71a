"""Evaluates a trained model on the whole test set: flags and nothing else.

python -m keras_mvit.training.evaluate --workdir=runs/digits
"""

from absl import app, flags

from keras_mvit import console

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of a training run.", required=True
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images of a batch.")


def main(argv):
    """Evaluates.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    console.import_keras_quietly()
    from keras_mvit.training.evaluation import evaluate_workdir

    result = evaluate_workdir(_WORKDIR.value, _BATCH_SIZE.value)
    print(
        f"top-1 {result['top1']:.2%}  top-5 {result['top5']:.2%}  "
        f"loss {result['loss']:.4f}  {result['images']} images"
    )


def run():
    """The console script `keras-mvit-evaluate`."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

"""MobileViT-XXS on CIFAR-10 at 64 px, from random weights.

    python -m benchmarks.train_cifar10 --dataset=folder:DIR
    python -m benchmarks.train_cifar10 --dataset=tfds:cifar10 --check
    KERAS_BACKEND=jax python -m benchmarks.train_cifar10 --long

DIR holds train/CLASS/*.png and test/CLASS/*.png (or JPEG). About 90 minutes
of CPU time in all, or with `--long` some minutes of a GPU; started again, it
goes on. Prints the test accuracy, and writes the averaged weights in half
precision, 2.6 MB, for whoever needs a trained model. `--check` ends with
status 1 below 80 %.
"""

import os
import resource
import sys

from absl import app, flags

from keras_mvit import console

_DATASET = flags.DEFINE_string(
    "dataset", "tfds:cifar10", "As of the training command."
)
_WORKDIR = flags.DEFINE_string("workdir", "runs/cifar10", "Folder of the run.")
_LONG = flags.DEFINE_boolean(
    "long", False, "More epochs, with RandAugment and random erasing."
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", None, "Passes over the 50,000 images; by default 25, long 100."
)
_WEIGHTS = flags.DEFINE_string(
    "output", "runs/cifar10/weights_float16.npz", "File of the weights."
)
_CHECK = flags.DEFINE_boolean(
    "check", False, "Whether a lower accuracy than 80 % is an error."
)
_LEAST_TOP1 = 0.80
_SHORT_RUN = {"epochs": 25, "batch_size": 128, "learning_rate": 2e-3}
_LONG_RUN = {
    "epochs": 100,
    "batch_size": 256,
    "device_batch_size": 256,
    "learning_rate": 3e-3,
    "rand_augment_ops": 2,
    "random_erasing": 0.1,
}


def main(argv):
    """Train, write the weights, and check if asked to."""
    del argv
    console.import_keras_quietly("tensorflow")
    from benchmarks.half_weights import save_half
    from keras_mvit.training import Settings, evaluate_workdir, train_model

    run = dict(_LONG_RUN if _LONG.value else _SHORT_RUN)
    if _EPOCHS.value is not None:
        run["epochs"] = _EPOCHS.value
    settings = Settings(
        workdir=_WORKDIR.value,
        dataset=_DATASET.value,
        recipe="finetune",
        image_size=64,
        crop_fraction=1.0,  # the objects fill the 32 pixels there are
        weight_decay=0.05,
        crop_scale=(0.5, 1.0),
        test_images=10_000,
        **run,
    )
    train_model(settings)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    minutes = (usage.ru_utime + usage.ru_stime) / 60
    print(f"CPU time of this process: {minutes:.0f} minutes")
    save_half(os.path.join(settings.workdir, "model.keras"), _WEIGHTS.value)
    top1 = evaluate_workdir(settings.workdir, batch_size=250)["top1"]
    print(f"Test top-1 {top1:.2%}; wrote {_WEIGHTS.value}")
    if _CHECK.value and top1 < _LEAST_TOP1:
        print(
            f"Test top-1 must be at least {_LEAST_TOP1:.0%}, got {top1:.2%}",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    app.run(console.friendly(main, "The same command resumes."))

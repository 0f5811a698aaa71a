"""Shows what augmentation does to a data set: flags and nothing else.

python -m keras_mvit.training.show_augmentation --dataset=digits \
    --model=mobilevitv2_050 --output=augmentation.png
"""

import os

from absl import app, flags

from keras_mvit import console

_DATASET = flags.DEFINE_string(
    "dataset", "digits", "As training takes it: digits, folder:DIR, tfds:NAME."
)
_MODEL = flags.DEFINE_string(
    "model", "mobilevitv2_050", "Whose preprocessing and recipe."
)
_RECIPE = flags.DEFINE_string(
    "recipe", "auto", "As training takes it; auto: the paper's of the model."
)
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "As training takes it; some recipes ask for them."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Height and width, in pixels. Default: as training."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of images and augmentation.")
_OUTPUT = flags.DEFINE_string("output", "augmentation.png", "The PNG to write.")


def main(argv):
    """Writes the grid.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    console.import_keras_quietly("tensorflow")
    from keras_mvit.training.augmentation_grid import augmentation_rows
    from keras_mvit.training.data.bad_images import naming_bad_images
    from keras_mvit.training.image_grid import write_grid
    from keras_mvit.training.run import prepare
    from keras_mvit.training.settings import Settings

    settings = Settings(
        workdir="",  # of a run that is not made
        model=_MODEL.value,
        dataset=_DATASET.value,
        recipe=_RECIPE.value,
        weights=_WEIGHTS.value,
        image_size=_IMAGE_SIZE.value,
        seed=_SEED.value,
    )
    _, pipeline = prepare(settings)
    path = os.path.expanduser(_OUTPUT.value)
    with naming_bad_images(
        pipeline.source, "train", remedy="Repair or remove it"
    ):
        write_grid(path, augmentation_rows(pipeline))
    print(f"Wrote {path}")


if __name__ == "__main__":
    app.run(console.friendly(main))

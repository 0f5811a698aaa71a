"""Saves a picture of where a model looks in an image.

    python -m keras_mvit.analysis.draw_scores --model=mobilevitv2_100 \
        --weights=mobilevitv2_100.safetensors --image=cat.jpg --output=cat.png

The function `keras_mvit.analysis.context_scores` gives the maps themselves.
"""

from absl import app, flags

from keras_mvit import console

_MODEL = flags.DEFINE_string(
    "model", None, "Name of the variant.", required=True
)
_WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "A .keras file or a published checkpoint. Default: random weights, whose "
    "maps mean nothing.",
)
_NUM_CLASSES = flags.DEFINE_integer("num_classes", 1000, "Of the weights.")
_IMAGE = flags.DEFINE_list(
    "image", None, "Image files, by commas.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Picture to write: .png, .pdf or .svg.", required=True
)


def main(argv):
    """Save the picture that the flags ask for."""
    del argv
    console.import_keras_quietly()
    import keras_mvit
    from keras_mvit.analysis.picture import read_images, save_picture
    from keras_mvit.analysis.scores import context_scores

    preprocessing = keras_mvit.preprocessing(_MODEL.value)
    images = read_images(_IMAGE.value, preprocessing.image_size)
    model = keras_mvit.create_model(
        _MODEL.value, _NUM_CLASSES.value, weights=_WEIGHTS.value
    )
    scores = context_scores(model, preprocessing.normalize(images))
    save_picture(_OUTPUT.value, images, scores)
    for stride, maps in scores.items():
        relative = maps / maps.mean(axis=(1, 2), keepdims=True)
        print(
            f"{stride}: {maps.shape[1]}x{maps.shape[2]} places, "
            f"{relative.min():.2f} to {relative.max():.2f} times the mean"
        )
    if _WEIGHTS.value is None:
        print("The weights are random: give --weights for maps with a meaning.")
    print(f"Wrote {_OUTPUT.value}")


if __name__ == "__main__":
    app.run(console.friendly(main))

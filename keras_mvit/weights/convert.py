"""Makes a Keras model file of a published checkpoint.

    python -m keras_mvit.weights.convert --model=mobilevit_s \
        --checkpoint=mobilevit_s.safetensors --output=mobilevit_s.keras

Every tensor of the checkpoint must fit, the parameters must be as many as
published, and the converted model must give finite numbers; otherwise the
differences are listed, the exit status is 1, and nothing is written.
"""

from absl import app, flags

from keras_mvit import console
from keras_mvit.weights import conversion

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "A .safetensors, .npz, .pt, .pth or .bin file of timm, transformers, "
    "ml-cvnets or CMT's authors.",
    required=True,
)
_MODEL = flags.DEFINE_string(
    "model", None, "Name of the variant.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .keras file to write.", required=True
)
_SOURCE = flags.DEFINE_string(
    "source",
    "auto",
    "Whose names the tensors have: timm, transformers, cvnets or cmt; auto "
    "looks.",
)
_NUM_CLASSES = flags.DEFINE_integer(
    "num_classes", 1000, "Of the checkpoint; 0 leaves its classifier out."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    None,
    "Side of the images, pixels. Default: any for MobileViT and MobileViTv2, "
    "the published one for CMT.",
)
_FLIP_STEM = flags.DEFINE_boolean(
    "flip_stem",
    False,
    "Whether to turn weights for BGR images into ones for RGB.",
)


def main(argv):
    """Convert as the flags say, and say what was done."""
    del argv
    conversion.check_output(_OUTPUT.value)  # at once, before Keras starts
    console.import_keras_quietly()
    model = conversion.convert(
        _CHECKPOINT.value,
        _MODEL.value,
        _OUTPUT.value,
        _SOURCE.value,
        _NUM_CLASSES.value,
        _IMAGE_SIZE.value,
        _FLIP_STEM.value,
    )
    print(
        f"{_CHECKPOINT.value} fits {model.name}: all {len(model.weights)} "
        f"variables, {conversion.parameters(model):,} parameters."
    )
    print("An image of noise has a finite answer.")
    print(f"Wrote {_OUTPUT.value}, which takes {model.input_shape[1:]}.")


if __name__ == "__main__":
    app.run(console.friendly(main))

"""Prints the recipes as a table.

python -m keras_mvit.training.list_recipes
"""

from absl import app

from keras_mvit import console
from keras_mvit.training.recipes import RECIPES

_HEADER = (
    "recipe",
    "model",
    "from weights",
    "epochs",
    "batch",
    "peak learning rate",
    "weight decay",
    "published top-1, %",
)
_WEIGHTS = {None: "any", True: "trained", False: "random"}


def main(argv):
    """Prints.

    Args:
        argv: list of str, what is left of the command line.
    """
    del argv
    rows = [
        [
            recipe.name,
            model,
            _WEIGHTS[recipe.trained],
            str(recipe.epochs),
            str(recipe.batch_size),
            f"{recipe.learning_rate:.3g}",
            f"{recipe.weight_decay:g}",
            "n/a" if recipe.top1 is None else f"{recipe.top1:.2f}",
        ]
        for recipe in RECIPES
        for model in recipe.models or ["any"]
    ]
    print(console.table(_HEADER, rows))


if __name__ == "__main__":
    app.run(console.friendly(main))

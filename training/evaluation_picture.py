"""The confusion matrix as a picture."""

import numpy as np

from keras_mvit.files import replacing
from keras_mvit.training.picture_text import as_written

_MAX_NAMED_CLASSES = 30
_MAX_CELLS = 250  # a side; smaller ones would vanish
_LONGEST_NAME = 18


@as_written()
def save_confusion(path, counts, class_names):
    """Draws which classes are taken for which: a row a class, in percent.

    Up to 30 classes have their names and numbers; of more, only colours.

    Args:
        path: str. A `.png` file.
        counts: `EvaluationCounts` with a confusion matrix.
        class_names: sequence of str.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    classes = len(class_names)
    named = classes <= _MAX_NAMED_CLASSES
    side = max(4.5, 2.2 + 0.38 * classes) if named else 8.0
    figure = Figure((side, side), dpi=130, layout="constrained")
    axes = figure.subplots()
    images = counts.class_images[:, np.newaxis]
    share = 100 * counts.confusion / np.maximum(images, 1)
    cells, end = _strongest(share)
    picture = axes.imshow(
        cells,
        cmap="Blues",
        norm=PowerNorm(0.5, vmin=0, vmax=100),  # mistakes are rare
        extent=(-0.5, end - 0.5, end - 0.5, -0.5),
        interpolation="none",
    )
    if named:
        _write_names(axes, class_names, counts.class_images)
        _write_numbers(axes, share)
    else:
        figure.colorbar(picture, shrink=0.7, label="% of the true class")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class (images)" if named else "true class")
    axes.set_title(_title(counts.metrics()), fontsize=11)
    with replacing(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)


def _strongest(share):
    """Of many classes, the highest of each block; and where these end."""
    block = -(-len(share) // _MAX_CELLS)
    cells = -(-len(share) // block)
    end = cells * block
    blocks = np.pad(share, (0, end - len(share)))
    blocks = blocks.reshape(cells, block, cells, block)
    return blocks.max(axis=(1, 3)), end


def _title(metrics):
    return (
        f"Top-1 {metrics['top1']:.1%} of {metrics['images']:,} images\n"
        f"95% interval {metrics['top1_low']:.1%} to {metrics['top1_high']:.1%}"
    )


def _write_names(axes, class_names, class_images):
    places = range(len(class_names))
    short = [_shorten(name) for name in class_names]
    upright = 90 if max(map(len, short)) > 3 else 0
    axes.set_xticks(places, short, rotation=upright, fontsize=8)
    rows = [f"{n} ({i:,})" for n, i in zip(short, class_images, strict=True)]
    axes.set_yticks(places, rows, fontsize=8)
    axes.tick_params(length=0)


def _write_numbers(axes, share):
    for row, column in zip(*np.nonzero(share), strict=True):
        value = share[row, column]
        axes.text(
            column,
            row,
            "<1" if value < 0.5 else f"{value:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if value > 40 else "black",
        )


def _shorten(name):
    return (
        name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    )

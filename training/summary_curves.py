"""The curves of a run as a picture."""

import math

from keras_mvit.files import replacing

_TRAIN, _TEST = "#4c78d8", "#e07b39"
_STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 9,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def save_curves(path, history):
    """Draws loss, top-1, learning rate and images/s over the epochs.

    Args:
        path: str. A `.png` file.
        history: list of dict, one an epoch, with `history.COLUMNS`.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure((10, 6.4), dpi=130, layout="constrained")
        (loss, top1), (rate, speed) = figure.subplots(2, 2)
        _plot_pair(loss, "Loss", history, "loss")
        loss.legend(loc="upper right")
        _plot_pair(top1, "Top-1, %", history, "top1", 100)
        top1.legend(loc="lower right")
        _mark_best(top1, history)
        _plot_learning_rate(rate, history)
        _plot(speed, "Training images/s", history, "images_per_second")
        speed.set_ylim(bottom=0)
        for axes in figure.axes:
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(
                integer=True, min_n_ticks=1
            )
        with replacing(path) as partial:
            FigureCanvasAgg(figure).print_png(partial)


def _plot(axes, title, history, key, color=_TRAIN, label=None, factor=1):
    epochs = [row["epoch"] for row in history]
    values = [factor * row[key] for row in history]
    marker = "o" if len(history) == 1 else None  # a point is no line
    axes.plot(epochs, values, color=color, label=label, marker=marker)
    axes.set_title(title)


def _plot_pair(axes, title, history, key, factor=1):
    _plot(axes, title, history, key, _TRAIN, "train", factor)
    _plot(axes, title, history, f"val_{key}", _TEST, "test (average)", factor)


def _plot_learning_rate(axes, history):
    # Matplotlib's own offset would make the row uneven.
    peak = max(row["learning_rate"] for row in history)
    exponent = math.floor(math.log10(peak)) if peak else 0
    title = f"Learning rate / 1e{exponent}"
    _plot(axes, title, history, "learning_rate", factor=10**-exponent)
    axes.set_ylim(bottom=0)


def _mark_best(axes, history):
    best = max(history, key=lambda row: row["val_top1"])
    percent = 100 * best["val_top1"]
    axes.plot(best["epoch"], percent, "o", color=_TEST, markersize=5)
    late = best["epoch"] > (history[0]["epoch"] + history[-1]["epoch"]) / 2
    axes.annotate(
        f"best {percent:.2f}",
        (best["epoch"], percent),
        (-4 if late else 4, 5),
        textcoords="offset points",
        ha="right" if late else "left",
        color=_TEST,
    )
    axes.margins(y=0.12)  # for these words

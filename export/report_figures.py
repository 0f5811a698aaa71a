"""The figures of a report, as SVG that takes on the colour of the page."""

import io
import itertools

# Drawn in this colour, then replaced by the colour of the text around it, so
# that the figures suit a dark page as well.
_INK = "#010203"
_COLORS = ("#4c78d8", "#e07b39", "#3d9970", "#b05cc6", "#c0392b")
_MARKERS = "osD^v"


def learning_curve(history):
    """Draws loss and top-1 over the epochs.

    Args:
        history: list of dicts, rows of history.csv.

    Returns:
        str, an <svg> element.
    """
    epochs = [row["epoch"] for row in history]

    def draw(figure):
        left, right = figure.subplots(1, 2)
        for prefix, label, color in (
            ("", "train", _COLORS[0]),
            ("val_", "test", _COLORS[1]),
        ):
            loss = [row[f"{prefix}loss"] for row in history]
            top1 = [100 * row[f"{prefix}top1"] for row in history]
            # A single epoch is no line.
            marker = "o" if len(history) == 1 else None
            left.plot(epochs, loss, marker=marker, color=color, label=label)
            right.plot(epochs, top1, marker=marker, color=color)
        left.set_title("Loss")
        left.legend(frameon=False, labelcolor=_INK)
        right.set_title("Top-1, %")
        for axes in (left, right):
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)

    return _svg(draw, (8, 3.2))


def accuracy_against_latency(points, x_label, y_label):
    """Draws one labelled point a file: best is top left.

    Args:
        points: list of (label, latency in ms, accuracy in percent).
        x_label: str.
        y_label: str.

    Returns:
        str, an <svg> element.
    """

    def draw(figure):
        axes = figure.subplots()
        styles = itertools.cycle(zip(_COLORS, _MARKERS, strict=True))
        for (label, latency_ms, accuracy), (color, marker) in zip(
            points, styles, strict=False
        ):
            axes.plot(
                latency_ms,
                accuracy,
                marker,
                color=color,
                markersize=9,
                alpha=0.8,
                label=label,
            )
        axes.legend(
            frameon=False,
            labelcolor=_INK,
            loc="upper left",
            bbox_to_anchor=(1, 1),
        )
        axes.set_xlim(0, 1.1 * max(point[1] for point in points))
        # Not less than 2 points from bottom to top: one image more or less
        # should not look like a cliff.
        accuracies = [point[2] for point in points]
        centre = (min(accuracies) + max(accuracies)) / 2
        reach = max(1.0, 0.6 * (max(accuracies) - min(accuracies)))
        axes.set_ylim(centre - reach, centre + reach)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw, (8, 3.6))


def _svg(draw, size):
    import matplotlib
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "keras_mvit",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.2,
        **dict.fromkeys(
            (
                "text.color",
                "axes.edgecolor",
                "axes.labelcolor",
                "xtick.color",
                "ytick.color",
                "grid.color",
            ),
            _INK,
        ),
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(_INK, "currentColor")

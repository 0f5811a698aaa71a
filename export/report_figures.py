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


def accuracy_against_latency(points, x_label, y_label, baselines=()):
    """Draws one labelled point a file, and the front of the best of them.

    On the front (Pareto's) are the files that no other beats in both; best is
    top left.

    Args:
        points: list of (label, latency in ms, accuracy in percent).
        x_label: str.
        y_label: str.
        baselines: sequence of (label, latency in ms). Drawn as lines: their
            accuracy on these images is not known.

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
        front = pareto_front([point[1:] for point in points])
        axes.step(
            *zip(*front, strict=True), where="post", color=_INK, alpha=0.4
        )
        for label, latency_ms in baselines:
            axes.axvline(latency_ms, color=_INK, linestyle=":", alpha=0.6)
            axes.annotate(
                label,
                (latency_ms, 0.02),
                xycoords=("data", "axes fraction"),
                rotation=90,
                ha="right",
                va="bottom",
                fontsize=8,
            )
        axes.legend(
            frameon=False,
            labelcolor=_INK,
            loc="upper left",
            bbox_to_anchor=(1, 1),
        )
        latencies = [p[1] for p in points] + [b[1] for b in baselines]
        if max(latencies) > 4 * max(point[1] for point in points):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("{x:g}")
            axes.set_xlim(min(latencies) / 1.3, 1.3 * max(latencies))
        else:
            axes.set_xlim(0, 1.1 * max(latencies))
        # Not less than 2 points from bottom to top: one image more or less
        # should not look like a cliff.
        accuracies = [point[2] for point in points]
        centre = (min(accuracies) + max(accuracies)) / 2
        reach = max(1.0, 0.6 * (max(accuracies) - min(accuracies)))
        axes.set_ylim(centre - reach, centre + reach)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw, (8, 3.6))


def pareto_front(points):
    """Returns the points that no other beats in both, fastest first.

    Args:
        points: list of (latency, accuracy).
    """
    front = []
    for latency, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or accuracy > front[-1][1]:
            front.append((latency, accuracy))
    return front


def bars(names, groups, x_label):
    """Draws a row of horizontal bars for each name, the first on top.

    Args:
        names: list of str.
        groups: dict of label -> list of float, one for each name.
        x_label: str.

    Returns:
        str, an <svg> element.
    """
    thickness = 0.8 / len(groups)

    def draw(figure):
        axes = figure.subplots()
        styles = zip(groups.items(), itertools.cycle(_COLORS), strict=False)
        for index, ((label, values), color) in enumerate(styles):
            offset = (index - (len(groups) - 1) / 2) * thickness
            places = [place + offset for place in range(len(names))]
            axes.barh(places, values, thickness, color=color, label=label)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_axisbelow(True)
        axes.set_xlabel(x_label)
        if len(groups) > 1:
            axes.legend(frameon=False, labelcolor=_INK, loc="lower right")

    return _svg(draw, (8, 1.0 + 0.26 * len(names)))


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

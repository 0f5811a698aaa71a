"""The log-log plot of `benchmarks.attention`."""

_COLORS = {
    "multi_head": "#c0392b",
    "linformer": "#e07b39",
    "separable": "#3d9970",
    "lightweight": "#4c78d8",
}
_LABELS = {"time_ms": "time, ms", "peak_mib": "peak memory, MiB"}
_TITLES = {"litert": "LiteRT, 1 thread", "keras": "Keras, compiled"}


def save(path, rows, exponents):
    """Draw time and memory against tokens, a column for each runtime.

    Args:
        path: str. A `.png` file.
        rows: list of dict, as of `benchmarks.attention.measure`.
        exponents: dict of column to {(attention, runtime): float}, for the
            legend.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    grid = figure.subplots(len(_LABELS), len(_TITLES), sharex=True)
    for line, column in zip(grid, _LABELS, strict=True):
        for axes, runtime in zip(line, _TITLES, strict=True):
            chosen = [r for r in rows if r["runtime"] == runtime and r[column]]
            _draw(axes, chosen, column, exponents[column])
            axes.set_title(_TITLES[runtime])
            axes.set_ylabel(_LABELS[column])
            axes.set_xlabel("tokens")
    figure.savefig(path, dpi=130)


def _draw(axes, rows, column, exponents):
    for kind, color in _COLORS.items():
        points = [
            (r["tokens"], r[column]) for r in rows if r["attention"] == kind
        ]
        if not points:
            continue
        power = exponents.get((kind, rows[0]["runtime"]))
        label = kind if power is None else f"{kind}: tokens^{power:.2f}"
        axes.plot(*zip(*points, strict=True), "o-", color=color, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.grid(alpha=0.2)
    axes.legend(frameon=False)

"""What a report says of latency."""

from keras_mvit.export import report_figures
from keras_mvit.export.latency.results import relative_time
from keras_mvit.export.report_page import Figure, Heading, Table, Text

_MOST_OPERATORS = 10  # of a figure


def blocks(data):
    """Turns a `ReportData` into a list of blocks."""
    return [
        *_plotted(data),
        *_measured(data),
        *_compared(data),
        *_profiled(data),
    ]


def columns(data):
    """Returns (name, sha256 -> Result) for each device's configurations."""
    found = []
    for measurement in data.measurements:
        words = _tell_apart(measurement, data.measurements)
        for name, results in measurement.by_configuration().items():
            name = ", ".join([*words, name])
            found.append((name, {r.sha256: r for r in results}))
    return found


def _tell_apart(measurement, measurements):
    """Returns what no other has: its target, device, and number, if needed."""
    words, alike = [], measurements
    for describe in (lambda m: m.target, lambda m: m.device["name"]):
        name = describe(measurement)
        same = [one for one in alike if describe(one) == name]
        if len(same) < len(alike):
            words.append(name)
        alike = same
    if len(alike) > 1:
        (number,) = (i for i, m in enumerate(alike, 1) if m is measurement)
        words.append(f"run {number}")
    return words


def cells(latencies, file, first):
    """Returns a file's latency, and its ratio to that of the first file."""
    result, reference = (latencies.get(f["sha256"]) for f in (file, first))
    if result is None:
        return ["n/a", "n/a"]
    if reference is None:
        return [f"{result.median_ms:.3f}", "n/a"]
    return [f"{result.median_ms:.3f}", relative_time(result, reference)]


def _plotted(data):
    heading = Heading("Accuracy against latency")
    name, latencies = next(iter(columns(data)), (None, {}))
    files = data.export["files"] if data.export else []
    files = [file for file in files if file["sha256"] in latencies]
    if not files:
        return [heading, Text("Latency has not been measured on these files.")]
    known = data.export["files"][0]["top1"] is not None
    key, label = ("top1", "top-1") if known else ("agreement", "agreement")
    points = [
        (
            file["format"],
            latencies[file["sha256"]].median_ms,
            100 * file[key],
        )
        for file in files
    ]
    baselines = [
        (result.model, result.median_ms)
        for result in latencies.values()
        if result.is_baseline
    ]
    svg = report_figures.accuracy_against_latency(
        points, f"median latency, ms ({name})", f"{label}, %", baselines
    )
    return [heading, Figure("accuracy_latency", "One point a file", svg)]


def _measured(data):
    found = []
    for measurement in data.measurements:
        device, settings = measurement.device, measurement.settings
        found.append(
            Text(
                f"Latency on {device['name']}, {device['cores']} cores,"
                f" {device['os']}, {device['runtime']}:"
                f" median of {settings['runs']} runs after"
                f" {settings['warmup_runs']} to warm up, the files taking"
                " turns."
            )
        )
    if data.left_out:
        found.append(
            Text(
                "Measured, but not of this export as it is now:"
                f" {', '.join(data.left_out)}."
            )
        )
    return found


def _compared(data):
    """Stock models measured in the same run, beside the first file."""
    if not data.export:
        return []
    first = data.export["files"][0]
    rows = []
    for name, latencies in columns(data):
        for result in latencies.values():
            if result.is_baseline:
                megabytes = f"{result.size_bytes / 1e6:.2f}"
                times = _baseline_cells(latencies, result, first)
                rows.append([result.model, name, megabytes, *times])
    if not rows:
        return []
    ratio = f"of {first['format']}"
    return [
        Heading("Stock models in the same run"),
        Table(["model", "run on", "MB", "ms", ratio], rows),
        Text(
            "They were not trained on these images: only their latency and"
            " size compare."
        ),
    ]


def _baseline_cells(latencies, result, first):
    reference = latencies.get(first["sha256"])
    ratio = "n/a"
    if reference is not None:
        ratio = relative_time(result, reference)
    return [f"{result.median_ms:.3f}", ratio]


def _profiled(data):
    found = []
    for number, (name, latencies) in enumerate(columns(data), 1):
        profiles = {
            result.model: {row["op"]: row["mean_ms"] for row in rows}
            for result in latencies.values()
            if (rows := result.op_profile)
        }
        if profiles:
            found += _profile(number, name, profiles)
    return [Heading("Where the time goes"), *found] if found else []


def _profile(number, name, profiles):
    operators = {op for times in profiles.values() for op in times}
    most = sorted(
        operators,
        key=lambda op: -max(times.get(op, 0) for times in profiles.values()),
    )[:_MOST_OPERATORS]
    svg = report_figures.bars(
        most,
        {
            model: [times.get(op, 0) for op in most]
            for model, times in profiles.items()
        },
        f"ms in one run ({name})",
    )
    caption = f"Time of each kind of operator, {name}"
    return [Figure(f"op_profile_{number}", caption, svg)]

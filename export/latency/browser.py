"""Latency of LiteRT files in a browser, by LiteRT.js."""

import importlib.resources
import json
import math
import socket

from keras_mvit.export.latency import litertjs, model_files
from keras_mvit.export.latency.page_server import PageServer
from keras_mvit.export.latency.results import Measurement, Result, statistics

ACCELERATORS = ("cpu", "gpu")
RUNS_PER_TURN = 5
_PAGES = ("index.html", "style.css", "page.js", "measure.js", "chart.js")
_MAX_TEXT = 300


def measure(
    paths, threads=(1,), runs=100, warmup_runs=10, accelerators=ACCELERATORS,
    host="127.0.0.1", port=0, litertjs_dir=None, log=print,
):  # fmt: skip
    """Measures files against each other in whatever browser opens a page.

    All files are loaded at once and take turns, as on the host.

    Args:
        paths: list of str. LiteRT files.
        threads: list of int. Of WebAssembly.
        runs: int. Timed runs of each.
        warmup_runs: int. Runs of each before the first timed one.
        accelerators: list of str. "cpu" is WebAssembly with XNNPACK, "gpu"
            is WebGPU; what the browser lacks is left out.
        host: str. Address to listen on; "0.0.0.0" for all in the network.
        port: int. 0: a free one.
        litertjs_dir: str or None. Folder with LiteRT.js; None: npm fetches it.
        log: callable of str. Tells the address to open.

    Returns:
        Measurement.

    Raises:
        ValueError: a value that is not accepted, or LiteRT.js is missing.
    """
    if not threads or min(runs, *threads) < 1 or warmup_runs < 1:
        raise ValueError(
            f"threads are {list(threads)}, runs {runs}, warmup_runs"
            f" {warmup_runs}; expected at least 1"
        )
    if not accelerators or not set(accelerators) <= set(ACCELERATORS):
        raise ValueError(
            f"accelerators are {list(accelerators)}; a browser has"
            f" {' and '.join(ACCELERATORS)}"
        )
    files = model_files.describe_all(paths)
    settings = {
        "runs": runs,
        "warmup_runs": warmup_runs,
        "runs_per_turn": RUNS_PER_TURN,
    }
    wanted = {"threads": list(threads), "accelerators": list(accelerators)}
    pages = _pages(files, settings | wanted, litertjs.find(litertjs_dir))
    server = PageServer(
        host, port, pages, lambda body: read_answer(body, files, settings)
    )
    address = f"{_reachable(host)}:{server.server_address[1]}"
    log(f"Open http://{address}/{server.token}/ and leave it in front.")
    return server.wait()


def _pages(files, plan, node_modules):
    folder = importlib.resources.files(__package__) / "page"
    pages = {name: (folder / name).read_bytes() for name in _PAGES}
    pages[""] = pages.pop("index.html")
    for name, content in litertjs.read_files(node_modules).items():
        pages[f"litertjs/{name}"] = content
    names = []
    for i, file in enumerate(files):
        with open(file.path, "rb") as opened:
            pages[f"models/{i}.tflite"] = opened.read()
        names.append(file.name)
    pages["plan.json"] = json.dumps({"models": names, **plan}).encode()
    return pages


def _reachable(host):
    """The address that others reach this machine by."""
    if host != "0.0.0.0":
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, asks for a route
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def read_answer(body, files, settings):
    """Makes a measurement of what the page sends.

    Args:
        body: bytes. JSON with `device`, `results` and `skipped`.
        files: list of ModelFile, in the order of the plan.
        settings: dict. Of the measurement.

    Returns:
        Measurement.

    Raises:
        ValueError: it is something else.
    """
    try:
        fields = json.loads(body)
        device, skipped = fields["device"], fields["skipped"]
        measurement = Measurement(
            "browser",
            {
                "name": _text(device["name"]),
                "cores": _whole(device["cores"]),
                "os": _text(device["os"]),
                "runtime": f"LiteRT.js {litertjs.VERSION},"
                f" {_text(device['browser'])}",
                "gpu": _text(device["gpu"]),
            },
            settings | {"skipped": [_text(line) for line in skipped[:999]]},
            [_result(row, files, settings) for row in fields["results"]],
        )
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"Not the answer of the page: {error!r}") from error
    if not measurement.results:
        raise ValueError("The browser measured nothing")
    return measurement


def _result(row, files, settings):
    if len(row["times_ms"]) != settings["runs"]:
        raise ValueError(f"expected {settings['runs']} times of each")
    if row["accelerator"] not in ACCELERATORS:
        raise ValueError("an accelerator that was not asked for")
    return Result(
        **files[_whole(row["model"], least=0)].fields(),
        **statistics([_time(value) for value in row["times_ms"]]),
        threads=_whole(row["threads"]),
        init_ms=_time(row["init_ms"]),
        first_run_ms=_time(row["first_run_ms"]),
        peak_memory_mib=None,
        num_partitions=None,
        accelerator=row["accelerator"],
        api="compiled",  # what LiteRT.js is made of
    )


def _text(value):
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {type(value).__name__}")
    return "".join(c for c in value if c.isprintable())[:_MAX_TEXT]


def _whole(value, least=1):
    if type(value) is not int or not least <= value < 10_000:
        raise ValueError(f"expected a whole number from {least}")
    return value


def _time(value):
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError("expected a time in milliseconds")
    return float(value)

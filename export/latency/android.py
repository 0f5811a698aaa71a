"""Latency of LiteRT files on an Android device, by its `benchmark_model`."""

import contextlib
import itertools
import os
import re
import secrets
import statistics
import sys

import tqdm

from keras_mvit.export.latency import (
    benchmark_command,
    benchmark_output,
    model_files,
)
from keras_mvit.export.latency.adb import Adb
from keras_mvit.export.latency.results import Measurement, Result

ROUNDS = 3
_FOLDER = "/data/local/tmp"
_ABILIST = "ro.product.cpu.abilist"


def measure(
    paths, binary, configurations, serial=None, runs=100, warmup_runs=10,
    op_profile=False,
):  # fmt: skip
    """Measures files against each other on a device.

    Every file runs in a process of its own, in turns: `ROUNDS` times, so that
    a device that grows warm or slows down meets all of them alike. The median
    over the rounds is kept (of the minimum the least, of the maximum the
    greatest). Whatever was copied to the device is removed at the end, also
    after an error or Ctrl-C.

    Args:
        paths: list of str. LiteRT files.
        binary: str. `benchmark_model` for the device, on this machine.
        configurations: list of benchmark_command.Configuration, all of one
            api.
        serial: str or None. Of the device; None: the only one.
        runs: int. Timed runs in a round.
        warmup_runs: int. Runs before them.
        op_profile: bool. Whether to run each file once more and time its
            operators.

    Returns:
        Measurement.

    Raises:
        ValueError: no device, a device that cannot be used, a binary that
            does not fit, or a file that does not run.
    """
    if runs < 1 or warmup_runs < 1:
        raise ValueError(
            f"runs are {runs}, warmup_runs {warmup_runs}; expected at least 1"
        )
    if not configurations:
        raise ValueError("No accelerator was named")
    files = model_files.describe_all(paths)
    adb = Adb(serial)
    properties = read_properties(adb.shell("getprop"))
    abis = properties.get(_ABILIST, "").split(",")
    benchmark_command.check_binary(binary, abis)
    device = describe_device(adb, properties, configurations[0].api)
    before = conditions(adb)
    pairs = list(itertools.product(configurations, files))
    with _pushed(adb, binary, files) as folder:
        tool = _Tool(adb, folder, files, runs, warmup_runs)
        rounds = []
        bar = tqdm.trange(ROUNDS, desc="Rounds", leave=False, disable=None)
        for _ in bar:
            rounds.append([tool.figures(*pair) for pair in pairs])
        results = []
        for (configuration, file), figures in zip(
            pairs, zip(*rounds, strict=True), strict=True
        ):
            profile = None
            if op_profile:
                profile = tool.profile(configuration, file)
            results.append(_result(configuration, file, figures, profile))
    settings = {
        "runs": runs,
        "warmup_runs": warmup_runs,
        "rounds": ROUNDS,
        "core_mask": configurations[0].core_mask,
    }
    return Measurement(
        "android",
        device,
        settings,
        results,
        {"before": before, "after": _conditions_if_there(adb)},
    )


def read_properties(text):
    """Reads what `getprop` prints, lines `[key]: [value]`, as a dict."""
    return dict(re.findall(r"^\[(.+?)\]: \[(.*?)\]$", text, re.MULTILINE))


def describe_device(adb, properties, api):
    """Names a device; nothing that tells this one from others of its kind."""

    def first(*keys):
        found = (properties.get(f"ro.{key}") for key in keys)
        return next((value for value in found if value), "unknown")

    maker, model = first("product.manufacturer"), first("product.model")
    soc = [first("soc.manufacturer"), first("soc.model")]
    if "unknown" in soc:  # Android before 12
        soc = [first("board.platform", "hardware")]
    cores = re.findall(r"\d+", adb.shell("cat /sys/devices/system/cpu/present"))
    runtime = {"interpreter": "interpreter", "compiled": "CompiledModel"}[api]
    return {
        "name": f"{maker} {model}",
        "cores": int(cores[-1]) + 1 if cores else None,
        "os": f"Android {first('build.version.release')}",
        "runtime": f"LiteRT benchmark_model, {runtime}",
        "soc": " ".join(soc),
        "build": first("build.id"),
        "abi": first("product.cpu.abi"),
    }


def conditions(adb):
    """Reads what heat and power do to a device, as a dict.

    `thermal_status` is Android's: 0 none, 1 light, 2 moderate, 3 severe and
    worse above; from 2 on, times are of a device that protects itself.
    Figures that a device does not tell are None.
    """
    battery = adb.shell("dumpsys battery")
    thermal = adb.shell("dumpsys thermalservice")
    tenths = _figure(r"^\s*temperature: (-?\d+)", battery)
    return {
        "battery_temperature_c": None if tenths is None else tenths / 10,
        "battery_percent": _figure(r"^\s*level: (\d+)", battery),
        "charging": bool(re.search(r"^\s*\w+ powered: true", battery, re.M)),
        "thermal_status": _figure(r"^Thermal Status: (\d+)", thermal),
    }


def _conditions_if_there(adb):
    """`conditions`, or {}: the times are as good if the device is gone."""
    try:
        return conditions(adb)
    except ValueError:
        return {}


def _figure(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return None if found is None else int(found[1])


@contextlib.contextmanager
def _pushed(adb, binary, files):
    """Yields a folder of the device with the tool and all files in it."""
    mark = f"keras_mvit_{secrets.token_hex(4)}"
    folder = f"{_FOLDER}/{mark}"
    try:
        made = adb.shell(f"mkdir {folder}")
        if made.strip():
            raise ValueError(f"Cannot write to the device: {made.strip()}")
        adb.push(binary, f"{folder}/benchmark_model")
        adb.shell(f"chmod 755 {folder}/benchmark_model")
        for i, file in enumerate(files):
            adb.push(file.path, f"{folder}/{_remote(i)}")
        yield folder
    finally:
        # After Ctrl-C the tool may still run; the brackets keep the pattern
        # from matching the shell that holds it.
        try:
            adb.shell(f"pkill -f '[k]{mark[1:]}'; rm -rf {folder}")
        except ValueError as error:
            print(f"{folder} stays on the device: {error}", file=sys.stderr)


def _remote(index):
    return f"model_{index}.tflite"  # any name here, none to quote there


class _Tool:
    """The tool on the device, with all files beside it."""

    def __init__(self, adb, folder, files, runs, warmup_runs):
        self._adb = adb
        self._folder = folder
        self._names = {file: _remote(i) for i, file in enumerate(files)}
        self._counts = (runs, warmup_runs)

    def figures(self, configuration, file):
        """Returns the `Figures` of one process."""
        found = self._run(benchmark_output.parse, configuration, file)
        name = f"{file.name} on {configuration.accelerator}"
        if found.median_ms is None:
            raise ValueError(
                f"{name}: benchmark_binary prints no median; get a newer one"
            )
        if found.num_partitions == 0 and configuration.accelerator != "cpu":
            raise ValueError(
                f"{name}: it takes none of the operators; the time would be"
                " the CPU's"
            )
        asked, _ = self._counts
        if found.runs < asked:
            raise ValueError(
                f"{name}: it made {found.runs} of {asked} runs, as it stops"
                f" after {benchmark_command.MAX_SECONDS} seconds; ask for fewer"
            )
        return found

    def profile(self, configuration, file):
        """Returns the times of the operators, from a process of its own."""
        return self._run(
            benchmark_output.parse_profile, configuration, file, profile=True
        )

    def _run(self, parse, configuration, file, profile=False):
        line = benchmark_command.command(
            self._folder,
            self._names[file],
            configuration,
            *self._counts,
            profile=profile,
        )
        try:
            return parse(self._adb.shell(line))
        except ValueError as error:
            name = os.path.basename(file.path)
            raise ValueError(
                f"{name} on {configuration.accelerator}: {error}"
            ) from error


def _result(configuration, file, rounds, profile):
    def over_rounds(combine, field):
        values = [getattr(figures, field) for figures in rounds]
        return None if None in values else combine(values)

    combined = {
        field: over_rounds(statistics.median, field)
        for field in (
            "median_ms", "mean_ms", "std_ms", "p95_ms", "init_ms",
            "first_run_ms", "peak_memory_mib",
        )
    }  # fmt: skip
    return Result(
        **file.fields(),
        **combined,
        threads=configuration.threads,
        min_ms=over_rounds(min, "min_ms"),
        max_ms=over_rounds(max, "max_ms"),
        p90_ms=None,  # the tool does not tell it
        num_partitions=rounds[0].num_partitions,
        accelerator=configuration.accelerator,
        api=configuration.api,
        op_profile=profile,
    )

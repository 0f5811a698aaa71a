"""Command lines of LiteRT's `benchmark_model`, and what its file must be.

Two tools have that name: one runs the interpreter (with or without TensorFlow
operators, "plus flex"), the other the CompiledModel API. Their flags differ.
"""

import dataclasses
import re
import shlex

ACCELERATORS = {
    "interpreter": {
        "cpu": "--use_xnnpack=true",
        "cpu_builtin": "--use_xnnpack=false",
        "gpu": "--use_gpu=true",
        "nnapi": "--use_nnapi=true",
    },
    "compiled": {
        "cpu": "--use_cpu=true",
        "gpu": "--use_gpu=true",
        "npu": "--use_npu=true",
    },
}
_PROFILE = {
    "interpreter": "--enable_op_profiling=true",
    "compiled": "--use_profiler=true",
}
# The tool ends then, however few runs it has made; by default after 150.
MAX_SECONDS = 3600
# e_machine of an ELF file -> what Android calls it.
_MACHINES = {183: "arm64-v8a", 40: "armeabi-v7a", 62: "x86_64", 3: "x86"}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """How a file is run.

    Args:
        api: str. A key of `ACCELERATORS`: which of the two tools it is.
        accelerator: str. A key of that row: "cpu" is XNNPACK, "cpu_builtin"
            the interpreter without it.
        threads: int.
        core_mask: str or None. Hexadecimal mask of the cores it may use,
            "f0" for cores 4 to 7.

    Raises:
        ValueError: a value that is not one of those.
    """

    api: str = "interpreter"
    accelerator: str = "cpu"
    threads: int = 1
    core_mask: str | None = None

    def __post_init__(self):
        """Checks the fields."""
        accepted = ACCELERATORS.get(self.api)
        if accepted is None:
            raise ValueError(
                f"api is {self.api!r}; expected {' or '.join(ACCELERATORS)}"
            )
        if self.accelerator not in accepted:
            raise ValueError(
                f"accelerator is {self.accelerator!r}; the {self.api} tool"
                f" has {', '.join(accepted)}"
            )
        if self.threads < 1:
            raise ValueError(f"threads is {self.threads}; expected 1 or more")
        mask = self.core_mask
        if mask is not None and not re.fullmatch(
            "[0-9a-fA-F]*[1-9a-fA-F]0*", mask
        ):
            raise ValueError(
                f"core_mask is {mask!r}; expected hexadecimal digits, such as"
                " f0 for cores 4 to 7"
            )


def command(folder, graph, configuration, runs, warmup_runs, profile=False):
    """Builds the command line that measures one file.

    Args:
        folder: str. On the device; holds `benchmark_model` and the file.
        graph: str. Name of the file.
        configuration: Configuration.
        runs: int.
        warmup_runs: int.
        profile: bool. Whether to time each operator, which slows them down.

    Returns:
        str, for the device's shell.
    """
    words = [
        f"{folder}/benchmark_model",
        f"--graph={folder}/{graph}",
        f"--num_threads={configuration.threads}",
        f"--num_runs={runs}",
        f"--warmup_runs={warmup_runs}",
        # Without these, a fast model runs more often than it was told to.
        "--min_secs=0",
        "--warmup_min_secs=0",
        f"--max_secs={MAX_SECONDS}",
        ACCELERATORS[configuration.api][configuration.accelerator],
    ]
    if profile:
        words.append(_PROFILE[configuration.api])
    if configuration.core_mask is not None:
        words = ["taskset", configuration.core_mask, *words]
    return shlex.join(words)


def check_binary(path, abis):
    """Checks that a device can run the tool.

    Args:
        path: str. The tool on this machine.
        abis: list of str. What the device runs, such as "arm64-v8a".

    Raises:
        ValueError: the file is missing, no program, or for other devices.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(20)
    except OSError as error:
        raise ValueError(
            f"benchmark_binary={path!r} cannot be read: {error.strerror};"
            " docs/export.md says where to get it"
        ) from error
    if header[:4] != b"\x7fELF" or len(header) < 20:
        raise ValueError(f"benchmark_binary={path!r} is not a program (ELF)")
    machine = int.from_bytes(header[18:20], "little")
    abi = _MACHINES.get(machine, f"machine {machine}")
    if abi not in abis:
        raise ValueError(
            f"benchmark_binary={path!r} is built for {abi}; the device runs"
            f" {', '.join(abis) or 'nothing it names'}"
        )

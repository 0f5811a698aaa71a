"""How fast the input pipeline is, beside bare decoding, and what it holds.

    python -m benchmarks.input_pipeline
    python -m benchmarks.input_pipeline --check --data_dir=DIR
    python -m benchmarks.input_pipeline --stream_gb=20

Images/s through the paths of evaluation and training; the limit is to read
and decode the same JPEGs with all cores and do nothing else. They take turns,
and medians count. The JPEGs are noise with the spectrum of photographs, 500 x
375 pixels, in Pillow's `--quality`; their mean size is printed, 67 kB at 90.
DIR may hold others, as DIR/{train,test}/CLASS/*.jpg.

`--stream_gb` sends so many GB of JPEGs, the same few again and again, through
MobileViT's training path and prints the peak of the memory that takes. They
have 1600 x 1200 pixels; of each, what its random crop needs is decoded.
`--check` ends with status 1 where a bound is missed.
"""

import os
import sys
import time

from absl import app, flags

from keras_mvit import console

_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", "runs/input_pipeline", "Folder for the JPEGs that are made."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of other JPEGs to measure with."
)
_DATA_PX = flags.DEFINE_integer(
    "data_px", 128, "Height and width of what --data_dir's are made to.", 32
)
_QUALITY = flags.DEFINE_integer(
    "quality", 90, "Of the JPEGs of 500 x 375 pixels.", 1, 100
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "At the base size.", 1)
_SECONDS = flags.DEFINE_float("seconds", 120, "Of timing, for each folder.")
_STREAM_GB = flags.DEFINE_float(
    "stream_gb", 0, "Send so many GB of JPEGs through, and measure no speed.", 0
)
_QUICK = flags.DEFINE_boolean("quick", False, "A trial with few images.")
_CHECK = flags.DEFINE_boolean(
    "check", False, "Whether figures out of bounds are an error."
)
_MAX_GIB = 4.0  # of memory, whatever is streamed


def main(argv):
    """Measure, print, and check if asked to."""
    del argv
    console.import_keras_quietly("tensorflow")
    found = _stream() if _STREAM_GB.value else _speed()
    if _CHECK.value and found:
        print("\n".join(found), file=sys.stderr)
        sys.exit(1)


def _speed():
    from benchmarks import input_paths

    # Many times: what an epoch costs once is little beside its images.
    files, times = (16, 1) if _QUICK.value else (128, 64)
    quality = _QUALITY.value
    made = os.path.join(_OUTPUT_DIR.value, f"500x375_quality_{quality}")
    input_paths.make_photographs(made, files, 500, 375, quality)
    found = _measure(made, times, 256)
    if _DATA_DIR.value is None:
        print("--data_dir is not given: only these were measured.")
        return found
    return found + _measure(_DATA_DIR.value, 16, _DATA_PX.value)


def _measure(folder, times, base_px):
    from benchmarks import input_paths

    source = input_paths.RepeatedFolder(folder, times)
    figures = input_paths.measure(
        source,
        base_px,
        _BATCH_SIZE.value,
        0 if _QUICK.value else _SECONDS.value,
    )
    limit, _ = figures[input_paths.LIMIT]
    rows = [
        [path, f"{speed:,.0f}", f"{speed / limit:.2f}", f"{cpu_ms:.2f}"]
        for path, (speed, cpu_ms) in figures.items()
    ]
    low, high = base_px * 5 // 8, base_px * 5 // 4
    print(
        f"{folder}: {source.num_images['train']:,} images of "
        f"{source.mean_kb():.0f} kB, base size {base_px} px; "
        f"{input_paths.V1} from {low} to {high} px"
    )
    header = ["", "images/s", "of the limit", "CPU ms an image"]
    print(console.table(header, rows), flush=True)
    return [f"{folder}: {miss}" for miss in input_paths.misses(figures)]


def _stream():
    from benchmarks import input_paths, measuring

    made = os.path.join(_OUTPUT_DIR.value, "1600x1200")
    files = 4 if _QUICK.value else 16
    input_paths.make_photographs(made, files, 1600, 1200, 97)
    start = time.perf_counter()
    peak_mib, streamed_gb = measuring.in_fresh_process(
        input_paths.stream, made, _STREAM_GB.value, _BATCH_SIZE.value
    )
    seconds = time.perf_counter() - start
    if peak_mib is None:
        raise OSError("This system does not tell the peak of memory")
    print(
        f"Streamed {streamed_gb:.1f} GB of JPEGs in {seconds:.0f} s; peak "
        f"resident memory {peak_mib / 1024:.2f} GiB above that of the start"
    )
    if peak_mib / 1024 <= _MAX_GIB:
        return []
    return [f"{peak_mib / 1024:.2f} GiB of memory, above {_MAX_GIB:.0f}"]


if __name__ == "__main__":
    app.run(console.friendly(main))

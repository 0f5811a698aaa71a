"""How time and memory of the attentions grow with the number of tokens.

    python -m benchmarks.attention
    python -m benchmarks.attention --check

Multi-head, Linformer, separable and CMT's lightweight attention at equal
width, float32, one image: as LiteRT files on one thread, and compiled by
Keras. Writes attention.csv and attention.png. The exponents are fitted to the
three largest numbers of tokens, where fixed costs do not count any more.
`--check` ends with status 1 where those of LiteRT's time are out of bounds.
"""

import csv
import os
import sys

from absl import app, flags

from benchmarks import attention_growth, attention_plot
from keras_mvit import console

_OUTPUT_DIR = flags.DEFINE_string("output_dir", "runs/attention", "Folder.")
_TOKENS = flags.DEFINE_list(
    "tokens", [str(256 * 2**i) for i in range(7)], "Numbers of tokens."
)
_CHANNELS = flags.DEFINE_integer("channels", 64, "Of a token.")
_NUM_HEADS = flags.DEFINE_integer(
    "num_heads",
    1,
    "Where the attention has heads. Each head of multi-head attention needs "
    "1 GiB for its scores of 16,384 tokens.",
)
_MAX_MEMORY_GIB = flags.DEFINE_float(
    "max_memory_gib", 8, "Sizes that may need more are left out."
)
_SECONDS = flags.DEFINE_float("seconds", 5, "Of timing for each size.")
_QUICK = flags.DEFINE_boolean(
    "quick", False, "A trial: 256 to 1,024 tokens, a tenth of a second each."
)
_CHECK = flags.DEFINE_boolean(
    "check", False, "Whether exponents out of bounds are an error."
)


def main(argv):
    """Measure, print, write, and check if asked to."""
    del argv
    if _QUICK.value:
        all_tokens, budget_s = [256, 512, 1024], 0.1
    else:
        all_tokens, budget_s = _numbers(_TOKENS.value), _SECONDS.value
    console.import_keras_quietly()
    rows = attention_growth.measure(
        all_tokens,
        _CHANNELS.value,
        _NUM_HEADS.value,
        _MAX_MEMORY_GIB.value,
        budget_s,
    )
    times = attention_growth.fit(rows, "time_ms")
    memory = attention_growth.fit(rows, "peak_mib")
    _print(rows, times, memory)
    os.makedirs(_OUTPUT_DIR.value, exist_ok=True)
    path = os.path.join(_OUTPUT_DIR.value, "attention.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    picture = os.path.join(_OUTPUT_DIR.value, "attention.png")
    attention_plot.save(picture, rows, {"time_ms": times, "peak_mib": memory})
    print(f"Wrote {path} and {picture}")
    if _CHECK.value and attention_growth.misses(times):
        print("\n".join(attention_growth.misses(times)), file=sys.stderr)
        sys.exit(1)


def _numbers(values):
    if len(values) < 2 or not all(v.isdecimal() and int(v) for v in values):
        raise ValueError(
            "--tokens must be two or more numbers such as 256,512. Received: "
            f"{','.join(values)!r}"
        )
    return sorted(int(value) for value in values)


def _print(rows, times, memory):
    all_tokens = sorted({row["tokens"] for row in rows})
    lines = []
    for key in times:
        cells = {
            row["tokens"]: f"{row['time_ms']:.2f}"
            for row in rows
            if (row["attention"], row["runtime"]) == key
        }
        lines.append(
            [
                " ".join(key),
                *(cells.get(tokens, "-") for tokens in all_tokens),
                f"{times[key]:.2f}",
                f"{memory[key]:.2f}" if key in memory else "-",
            ]
        )
    header = ["ms", *map(str, all_tokens), "exponent", "of memory"]
    print(console.table(header, lines))


if __name__ == "__main__":
    app.run(console.friendly(main))

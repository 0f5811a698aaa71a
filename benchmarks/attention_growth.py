"""Attentions measured against the number of tokens."""

import itertools

import tqdm

from benchmarks import attention_models, measuring

# Of the time in LiteRT.
BOUNDS = {"separable": (0.8, 1.25), "multi_head": (1.7, 2.2)}
FITTED = 3  # largest numbers of tokens
LEAST = {"time_ms": 0.0, "peak_mib": 1.0}  # below it is noise


def measure(all_tokens, channels, num_heads, max_memory_gib, budget_s):
    """Measure every attention at every number of tokens.

    Args:
        all_tokens: list of int.
        channels: int. Of a token.
        num_heads: int.
        max_memory_gib: float. Sizes that may need more are left out, which is
            printed.
        budget_s: float. Timing of one number of tokens.

    Returns:
        list of dict: attention, runtime, tokens, time_ms, peak_mib.
    """
    sizes = list(itertools.product(all_tokens, attention_models.KINDS))
    chosen = []
    for tokens, kind in sizes:
        need = attention_models.scores_gib(kind, tokens, num_heads)
        if need <= max_memory_gib:
            chosen.append((tokens, kind))
        else:
            print(
                f"Left out: {kind} with {tokens:,} tokens may need "
                f"{need:.0f} GiB, --max_memory_gib is {max_memory_gib:g}"
            )
    rows = []
    bar = tqdm.tqdm(total=len(chosen), leave=False, disable=None)
    for tokens, group in itertools.groupby(chosen, key=lambda pair: pair[0]):
        kinds = [kind for _, kind in group]
        bar.set_description(f"{tokens:,} tokens")
        rows += _measure(kinds, tokens, channels, num_heads, budget_s)
        bar.update(len(kinds))
    bar.close()
    return rows


def _measure(kinds, tokens, channels, num_heads, budget_s):
    keys = list(itertools.product(kinds, attention_models.RUNTIMES))
    peaks = {
        (kind, runtime): measuring.in_fresh_process(
            attention_models.peak_mib,
            *(kind, runtime, tokens, channels, num_heads),
        )
        for kind, runtime in keys
    }
    runners = {
        (kind, runtime): attention_models.RUNTIMES[runtime](
            attention_models.build(kind, tokens, channels, num_heads)
        )()
        for kind, runtime in keys
    }
    medians = measuring.interleaved_medians_ms(runners, budget_s)
    return [
        {
            "attention": kind,
            "runtime": runtime,
            "tokens": tokens,
            "time_ms": medians[kind, runtime],
            "peak_mib": peaks[kind, runtime],
        }
        for kind, runtime in keys
    ]


def fit(rows, value):
    """Return {(attention, runtime): exponent of `value` in tokens}."""
    curves = {}
    for row in sorted(rows, key=lambda row: row["tokens"]):
        key = row["attention"], row["runtime"]
        if row[value] is not None and row[value] > LEAST[value]:
            curves.setdefault(key, []).append((row["tokens"], row[value]))
    return {
        key: measuring.exponent(*zip(*points[-FITTED:], strict=True))
        for key, points in curves.items()
        if len(points) >= 2
    }


def misses(exponents):
    """Return the exponents of LiteRT's time out of bounds, as list of str."""
    found = []
    for kind, (low, high) in BOUNDS.items():
        power = exponents.get((kind, "litert"))
        if power is None:
            found.append(f"{kind}: its exponent was not measured")
        elif not low <= power <= high:
            found.append(
                f"{kind}: exponent {power:.2f}, not within {low} to {high}"
            )
    return found

"""Images/s of the training step, beside timm's on the same machine.

    python -m benchmarks.train_step
    python -m benchmarks.train_step --check

Forward, loss, backward, AdamW and averaged weights, on batches in memory:
MobileViT-XXS and MobileViTv2-0.5 at a fixed size, beside the peer, and at each
size of the multi-scale sampler; CMT-Ti, whose size is fixed, at 160 and 256 px.
The peer is timm's PyTorch model in its default form, with maps stored either
way (timm has no CMT). Each framework has processes of its own, which take
turns. Each of their steps is between two of ours at the fixed size and divided
by their mean, and so is each of ours at another size; ratios are of the medians
of these: what else the machine does comes and goes in seconds, and meets
neighbours alike. Both train without dropout, as timm's default form does.

The sampler's sizes are measured at the batch of the papers' recipes, 128 images
a device, which takes 12 GB of memory. The sampler rounds the batch of each size
down: of a few images, that and their uneven split over cores weigh more. Beside
the peer, whose forms are in memory at the same time, it is 36.

timm asks for torchvision, which its models do not use and which no pip index
has for PyTorch without CUDA, so it is installed by hand, here or into another
environment, named by `--peer_python`:

    pip install torch==2.13.0 pyyaml huggingface_hub safetensors
    pip install --no-deps timm==1.0.31

`--check` ends with status 1 where a bound is missed: images/s over timm's,
multi-scale over fixed size, traces over sizes. The first bound is for a CPU.

On a GPU, with the backend that trains there; a few steps are timed together,
since the next is prepared while one is computed:

    export KERAS_BACKEND=jax
    python -m benchmarks.train_step --device=gpu --batch_size=128
"""

import contextlib
import subprocess
import sys

from absl import app, flags

from benchmarks import train_step_figures
from benchmarks.measuring import warn_if_busy
from benchmarks.peer_python import define_python
from benchmarks.train_step_figures import Figures
from benchmarks.train_step_turns import time_against
from benchmarks.workers import Worker
from keras_mvit import console

_MODELS = flags.DEFINE_list(
    "models", ["mobilevit_xxs", "mobilevitv2_050", "cmt_ti"], "Names."
)
_SIZE = flags.DEFINE_integer("size", 256, "The fixed size in pixels.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 36, "At the fixed size.")
_MULTI_SCALE_BATCH_SIZE = flags.DEFINE_integer(
    "multi_scale_batch_size", 128, "At the fixed size, beside other sizes."
)
_THREADS = flags.DEFINE_integer("threads", 2, "Of each framework.")
_ROUNDS = flags.DEFINE_integer("rounds", 9, "Timed steps of each.")
_PEER_PYTHON = define_python("peer_python", "A Python that has torch and timm.")
_DEVICE = flags.DEFINE_enum("device", "cpu", ["cpu", "gpu"], "Of both.")
_MIXED_PRECISION = flags.DEFINE_enum(
    "mixed_precision", "none", ["none", "bfloat16"], "Of both."
)
_COMPILED_PEER = flags.DEFINE_boolean(
    "compiled_peer", False, "Also timm with torch.compile; needs a C++ compiler"
)
_QUICK = flags.DEFINE_boolean(
    "quick", False, "A trial: batches of 2, --rounds=1, no figure means much."
)
_CHECK = flags.DEFINE_boolean("check", False, "Whether misses are an error.")

_NUM_CLASSES = "1000"
_STEPS_TOGETHER = {"cpu": 1, "gpu": 20}


def main(argv):
    """Measure, print, and check if asked to."""
    del argv
    console.import_keras_quietly("tensorflow")
    warn_if_busy()
    batch_sizes = (_BATCH_SIZE.value, _MULTI_SCALE_BATCH_SIZE.value)
    if _QUICK.value:
        batch_sizes = (2, 2)
    forms = _peer_forms()
    figures = []
    for variant in _MODELS.value:
        for buckets in train_step_figures.sets_of_buckets(
            variant, _SIZE.value, *batch_sizes
        ):
            figures.append(_measure(variant, buckets, forms))
            _print(figures[-1])
    missed = train_step_figures.misses(figures, _DEVICE.value)
    if _CHECK.value and missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)


def _peer_forms():
    """The forms timm is measured in; none where it is missing."""
    code = "from benchmarks import train_step_peer as p; p.import_timm()"
    command = [_PEER_PYTHON.value, "-c", code]
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
        print(
            "No peer: torch and timm are missing. In an environment for "
            "--peer_python:\n  pip install torch==2.13.0 pyyaml "
            "huggingface_hub safetensors\n  pip install --no-deps timm==1.0.31"
        )
        return []
    forms = ["default", "channels_last"]
    return forms + ["channels_last,compiled"] * _COMPILED_PEER.value


def _measure(variant, buckets, forms):
    base = buckets[0]
    size_px = base.size_px if variant.startswith("cmt") else 0
    with contextlib.ExitStack() as stack:

        def start(module, *arguments, **options):
            worker = Worker(
                module,
                variant,
                _NUM_CLASSES,
                *arguments,
                _DEVICE.value,
                _MIXED_PRECISION.value,
                threads=_THREADS.value,
                **options,
            )
            return stack.enter_context(contextlib.closing(worker))

        batch_sizes = ",".join(str(bucket.batch_size) for bucket in buckets)
        ours = start("benchmarks.train_step_ours", str(size_px), batch_sizes)
        sizes = {bucket: (ours, bucket) for bucket in buckets[1:]}
        peers = {
            form: (
                start(
                    "benchmarks.train_step_peer",
                    form,
                    python=_PEER_PYTHON.value,
                ),
                base,
            )
            for form in forms
            if variant in train_step_figures.WITH_PEER and not sizes
        }
        base_seconds, relative, traces = time_against(
            (ours, base),
            sizes | peers,
            rounds=1 if _QUICK.value else _ROUNDS.value,
            warm_up=1 if _QUICK.value else 2,
            steps=_STEPS_TOGETHER[_DEVICE.value],
        )
    return Figures(
        variant,
        base,
        base_seconds,
        {bucket: relative[bucket] for bucket in sizes},
        {form: relative[form] for form in peers},
        traces,
    )


def _print(one):
    rows = []
    for bucket, seconds in one.seconds.items():
        rows.append(_row("ours", bucket, seconds))
    for form, seconds in one.peer_seconds.items():
        rows.append(_row(f"timm {form}", one.base, seconds))
    print(one.variant)
    print(console.table(["", "px", "batch", "ms", "images/s"], rows))
    if one.ratio_to_peer:
        print(f"{one.ratio_to_peer:.2f} times timm's images/s")
    if one.ratio_to_fixed:
        low, high = one.ratio_to_fixed_quartiles
        print(
            f"multi-scale {one.multi_scale_images_per_second:.1f} images/s, "
            f"{one.ratio_to_fixed:.3f} times fixed size "
            f"(half of the turns: {low:.2f} to {high:.2f})"
        )
    print(f"{one.traces} traces for {len(one.seconds)} sizes\n", flush=True)


def _row(name, bucket, seconds):
    return [
        name,
        str(bucket.size_px),
        str(bucket.batch_size),
        f"{1000 * seconds:.1f}",
        f"{bucket.batch_size / seconds:.1f}",
    ]


if __name__ == "__main__":
    app.run(console.friendly(main))

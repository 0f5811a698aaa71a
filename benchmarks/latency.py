"""Latency of our LiteRT files beside those of other implementations.

    python -m benchmarks.latency --keras_peers=PYTHON --timm_peer=PYTHON
    python -m benchmarks.latency --models=mobilevit_xxs,cmt_ti --check

On one thread, by LiteRT's interpreter and XNNPACK, at the models' own sizes,
with random weights. All files of a model are loaded at once and take turns, so
that whatever else the machine does meets all of them alike; and loaded anew
some times, as it matters where in memory they lie. Ours, float32 and int8, are
made at each run; those of peers once, each in its own environment, and kept:

    python -m venv A && A/bin/pip install tensorflow==2.21.0 keras==3.15.1 \
        tf_keras==2.21.0 kimm==0.2.5 keras-cv-attention-models==1.4.3
    python -m venv B && B/bin/pip install litert-torch==0.10.0 torch==2.13.0 \
        pyyaml huggingface_hub safetensors
    B/bin/pip install --no-deps timm==1.0.31

and `--keras_peers=A/bin/python --timm_peer=B/bin/python`. A peer that cannot
convert a model is named and left out.

`--check` ends with status 1 where a bound is missed: float32 over the fastest
peer, int8 over float32, in time and in size, and partitions.
"""

import os
import subprocess
import sys

import numpy as np
from absl import app, flags

from benchmarks import latency_figures, latency_peer
from benchmarks.latency_figures import Figures, measure
from benchmarks.measuring import warn_if_busy
from benchmarks.peer_python import define_python
from keras_mvit import console
from keras_mvit.export import convert, quantize
from keras_mvit.export.interpret import LiteRTModel

MODELS = flags.DEFINE_list(
    "models", list(latency_figures.MAX_INT8_RATIO), "Names."
)
_PEERS_DIR = flags.DEFINE_string(
    "peers_dir",
    os.path.expanduser("~/.cache/keras_mvit/peers"),
    "Where the files of peers are kept.",
)
_KERAS_PEERS = define_python("keras_peers", "A Python that has kimm and kecam.")
_TIMM_PEER = define_python(
    "timm_peer", "A Python that has timm and litert-torch."
)
RUNS = flags.DEFINE_integer("runs", 100, "Timed runs of each file.", 1)
_CHECK = flags.DEFINE_boolean("check", False, "Whether misses are an error.")

_CALIBRATION_IMAGES = 8


def main(argv):
    """Measure, print, and check if asked to."""
    del argv
    check_models()
    console.import_keras_quietly()
    contents = {}
    for name in MODELS.value:
        print(f"Making our files of {name}", flush=True)
        contents[name] = our_files(converted(name)) | _peer_files(name)
    warn_if_busy()
    figures = []
    for name, files in contents.items():
        figures.append(Figures(name, measure(files, RUNS.value)))
        _print(figures[-1])
    mean = latency_figures.mean_ratio_to_peer(figures)
    if mean is not None:
        print(f"float32 over the fastest peer, geometric mean: {mean:.3f}")
    missed = latency_figures.misses(figures)
    if _CHECK.value and missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)


def check_models():
    """Raise `ValueError` where `--models` names others than have bounds."""
    known = latency_figures.MAX_INT8_RATIO
    if not MODELS.value or not set(MODELS.value) <= set(known):
        raise ValueError(
            f"models are {', '.join(MODELS.value) or 'empty'}; expected some"
            f" of {', '.join(known)}"
        )


def converted(name):
    """Return what all our files of a variant are made of: random weights."""
    import keras

    import keras_mvit

    keras.utils.set_random_seed(0)
    model = keras_mvit.create_model(name)
    latency_peer.randomize(model)
    size = keras_mvit.preprocessing(name).image_size
    return convert.to_float32(model, size)


def our_float32(name):
    """Return our float32 file of a variant."""
    return quantize.quantize_file(converted(name), "float32")


def our_files(content):
    """Return {"float32": content, "int8": content} of a `converted` variant."""
    _, height, width, _ = LiteRTModel(content).inputs[0]["shape"]
    images = np.random.default_rng(0).random(
        (_CALIBRATION_IMAGES, height, width, 3), np.float32
    )
    return {
        kind: quantize.quantize_file(content, kind, images)
        for kind in ("float32", "int8")
    }


def _peer_files(name):
    """Return {peer: content} of those that can convert the model."""
    os.makedirs(_PEERS_DIR.value, exist_ok=True)
    contents = {}
    for peer, (_, models) in latency_peer.PEERS.items():
        if name not in models:
            continue
        path = os.path.join(_PEERS_DIR.value, f"{name}_{peer}.tflite")
        if not os.path.exists(path):
            _make_peer_file(peer, name, path)
        if os.path.exists(path):
            with open(path, "rb") as file:
                contents[peer] = file.read()
    return contents


def _make_peer_file(peer, name, path):
    print(f"Making {path}", flush=True)
    python = _TIMM_PEER.value if peer == "timm" else _KERAS_PEERS.value
    command = [python, "-m", "benchmarks.latency_peer", peer, name, path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        print(f"No {name} of {peer}: {lines[-1]}")


def _print(one):
    rows = [
        [
            file.name,
            f"{file.median_ms:.2f}",
            f"{file.median_ms / one.float32.median_ms:.3f}",
            str(file.num_partitions),
            f"{file.size_bytes / 1e6:.2f}",
        ]
        for file in one.files
    ]
    print(one.model)
    print(console.table(["", "ms", "/ float32", "parts", "MB"], rows))
    if one.ratio_to_peer:
        print(f"{one.ratio_to_peer:.3f} times {one.peer.name}'s time")
    print(flush=True)


if __name__ == "__main__":
    app.run(console.friendly(main))

"""Which layers of a model cost accuracy in int8, and leaving them float32."""

import dataclasses

import numpy as np
import tqdm

from keras_mvit import console
from keras_mvit.export import compare
from keras_mvit.export.calibration import calibrate
from keras_mvit.export.formats import FORMATS
from keras_mvit.export.interpret import LiteRTModel
from keras_mvit.export.layers import find_layers
from keras_mvit.export.quantize import quantize_file

FORMAT = "int8"  # whose layers can be either integer or float
MIN_IMAGES = 100


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Images that are neither calibrated nor tested on.

    Args:
        images: images.ModelInputs.
        labels: int array (N,), or None: the float32 file's own answers.
    """

    images: object
    labels: object = None


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """What one layer costs if it alone is int8.

    Args:
        layer: layers.Layer.
        snr_db: float. Signal-to-noise ratio of the logits, in decibels: their
            variance over the mean square of what the layer adds.
        agreement: float. Share of images on which the class stays.
    """

    layer: object
    snr_db: float
    agreement: float


class Quantization:
    """A file, its layers, and how good it is with some of them float32.

    Args:
        content: bytes. The float32 LiteRT file.
        ranges: dict of tensor name -> (least, greatest), of all tensors.
        held_out: HeldOut.
        model: keras.Model or None. To call layers as there.
    """

    def __init__(self, content, ranges, held_out, model=None):
        self._content = content
        self._ranges = ranges
        self._images = held_out.images
        self._logits = LiteRTModel(content).predict(held_out.images)
        self._labels = held_out.labels
        if self._labels is None:
            self._labels = self._logits.argmax(-1)
        self.layers = find_layers(content, model)

    def judge(self, float_layers=()):
        """Returns a `compare.Comparison` with the float32 file.

        Args:
            float_layers: collection of Layer.
        """
        content = quantize_file(
            self._content,
            FORMATS[FORMAT],
            ranges=self._ranges,
            float_outputs=outputs(float_layers),
        )
        logits = LiteRTModel(content).predict(self._images)
        return compare.compare(logits, self._logits, self._labels)


def outputs(layers):
    """Returns the tensors that layers make, a list of str."""
    return [output for layer in layers for output in layer.outputs]


def check(rows, held_out, max_accuracy_drop=None):
    """Raises `ValueError` if there is nothing to analyze, or to do it with.

    Args:
        rows: list of formats.Format. What is exported.
        held_out: HeldOut or None.
        max_accuracy_drop: float or None.
    """
    if FORMAT not in [row.name for row in rows]:
        raise ValueError(
            f"Layers are analyzed in format {FORMAT!r}; formats are"
            f" {', '.join(row.name for row in rows)}"
        )
    if max_accuracy_drop is not None and not 0 <= max_accuracy_drop < 1:
        raise ValueError(
            f"max_accuracy_drop is {max_accuracy_drop}; expected 0 to 1, 0.01"
            " for a point of top-1"
        )
    if len(held_out.images) < MIN_IMAGES:
        raise ValueError(
            f"Layers are judged on calibration images that are not calibrated"
            f" on: {len(held_out.images)} are left, at least {MIN_IMAGES} are"
            " needed. Keep more (train --calibration_images) or lower"
            " --num_calibration_images"
        )


def analyze(
    content,
    calibration,
    ranges,
    held_out,
    max_accuracy_drop=None,
    log=print,
    model=None,
):
    """Tells what each layer costs, and which to leave float32.

    Args:
        content: bytes. The float32 LiteRT file.
        calibration: images.ModelInputs, or float32 (N, H, W, 3).
        ranges: dict of tensor name -> (least, greatest), which win over those
            found on the images.
        held_out: HeldOut.
        max_accuracy_drop: float or None. Most of top-1 that may be lost.
        log: callable that takes a line and tells the user.
        model: keras.Model or None. To call layers as there.

    Returns:
        (dict, list of str): the analysis for a JSON file, as in
        docs/export.md, and the tensors whose operators should stay float32.
    """
    ranges = {**calibrate(content, calibration), **ranges}
    quantization = Quantization(content, ranges, held_out, model)
    found = measure(quantization)
    log(table(found))
    float_layers, drops = [], []
    if max_accuracy_drop is not None:
        float_layers, drops = choose_float_layers(
            quantization, found, max_accuracy_drop
        )
        names = ", ".join(layer.name for layer in float_layers)
        log(
            f"On {len(held_out.images)} other images int8 loses"
            f" {drops[0]:.2%} of top-1, and {drops[-1]:.2%} with"
            f" {names or 'no layer'} in float32"
        )
    result = {
        "num_images": len(held_out.images),
        "layers": [
            {**dataclasses.asdict(one), "layer": one.layer.name}
            for one in found
        ],
        "max_accuracy_drop": max_accuracy_drop,
        "float_layers": [layer.name for layer in float_layers],
        "accuracy_drops": drops,
    }
    return result, outputs(float_layers)


def measure(quantization):
    """Quantizes each layer alone.

    The noises of layers hardly depend on each other, so that what one adds
    alone tells its share in the noise of all. With all but one quantized, the
    noise of the others would drown what is to be measured.

    Args:
        quantization: Quantization.

    Returns:
        list of Sensitivity, the most costly first.
    """
    layers = quantization.layers
    found = []
    for layer in tqdm.tqdm(layers, "Layers", leave=False, disable=None):
        result = quantization.judge([one for one in layers if one != layer])
        noise = max(result.rms_diff, np.finfo(np.float32).eps)
        snr_db = float(-20 * np.log10(noise))
        found.append(Sensitivity(layer, snr_db, result.agreement))
    return sorted(found, key=lambda one: one.snr_db)


def choose_float_layers(quantization, sensitivities, max_accuracy_drop):
    """Leaves the most costly layers float32, one more until it is enough.

    Args:
        quantization: Quantization.
        sensitivities: list of Sensitivity, the most costly first.
        max_accuracy_drop: float. Most of top-1 that may be lost.

    Returns:
        (list of Layer, list of float): what stays float32, and the drops with
        none of it, the first, the first two and so on.

    Raises:
        ValueError: not even with all layers float32 is it enough.
    """
    order = [one.layer for one in sensitivities]
    drops = []
    bar = tqdm.trange(len(order) + 1, desc="Keeping", leave=False, disable=None)
    for count in bar:
        result = quantization.judge(order[:count])
        drops.append(result.keras_top1 - result.top1)
        if drops[-1] <= max_accuracy_drop:
            return order[:count], drops
    raise ValueError(
        f"top-1 falls by {drops[-1]:.2%} with all layers in float32, at most"
        f" {max_accuracy_drop:.2%} is accepted"
    )


def table(sensitivities):
    """Lays out the layers for a terminal."""
    powers = [10 ** (-one.snr_db / 10) for one in sensitivities]
    rows = [
        [
            one.layer.name,
            f"{one.snr_db:.1f}",
            console.percent(power / sum(powers)),
            console.percent(one.agreement),
        ]
        for one, power in zip(sensitivities, powers, strict=True)
    ]
    header = ["layer alone in int8", "SNR dB", "noise %", "agree %"]
    return console.table(header, rows)

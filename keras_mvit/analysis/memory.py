"""The activations that must be held at one time.

The definition, close to what a runtime on a phone plans: one image in
float32; operations run in the order of the model; an activation takes memory
from the operation that makes it until the last that reads it; a reshape or a
cast takes none; an elementwise operation, an activation function or a
normalization writes over an operand of its size that nothing reads later, so
that a convolution with batch normalization and activation holds its input
and one output. The image is an activation, weights are not, nor is what a
single operation needs inside.
"""

import math

from keras_mvit.analysis.costs import IN_PLACE, VIEWS

BYTES = 4  # of a float32


def live_bytes(steps, outputs):
    """Return the size of all activations alive at each step.

    Args:
        steps: list of `tape.Step`.
        outputs: list of KerasTensor. The model's, alive to the end.

    Returns:
        list of int, one a step.
    """
    owner = _owners(steps)
    last_use = {}
    for index, step in enumerate(steps):
        for x in step.outputs + step.inputs:
            last_use[owner.get(id(x), id(x))] = index
    for x in outputs:
        last_use[owner.get(id(x), id(x))] = len(steps)

    sizes, result = {}, []  # what is alive: owner -> bytes
    for index, step in enumerate(steps):
        for x in step.inputs + step.outputs:
            key = owner.get(id(x), id(x))
            sizes.setdefault(key, BYTES * math.prod(x.shape))
        dying = {key for key in sizes if last_use[key] == index}
        result.append(sum(sizes.values()) - _overwritten(step, owner, dying))
        for key in dying:
            del sizes[key]
    return result


def training_bytes(steps):
    """Return the size of all activations of one image, in float32.

    Training keeps them for the gradients; what a backend computes anew, or
    keeps twice, is not known here.

    Args:
        steps: list of `tape.Step`.

    Returns:
        int.
    """
    return sum(
        BYTES * math.prod(x.shape)
        for step in steps
        if step.kind not in VIEWS
        for x in step.outputs
    )


def _owners(steps):
    """Return {id of a view: id of the tensor whose memory it shows}."""
    owner = {}
    for step in steps:
        if step.kind in VIEWS:
            source = id(step.inputs[0])
            owner[id(step.outputs[0])] = owner.get(source, source)
    return owner


def _overwritten(step, owner, dying):
    """Return the bytes of the operand that `step` writes its output over."""
    if step.kind not in IN_PLACE:
        return 0
    (output,) = step.outputs
    reusable = any(
        math.prod(x.shape) == math.prod(output.shape)
        and owner.get(id(x), id(x)) in dying
        for x in step.inputs
    )
    return BYTES * math.prod(output.shape) if reusable else 0

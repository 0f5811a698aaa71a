"""The operations that a model is made of, in the order they run."""

import contextlib
import dataclasses

import keras

from keras_mvit.analysis.costs import LEAVES, multiply_adds


@dataclasses.dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        kind: str. Its class, as in `keras.ops`: "Conv", "Matmul", ...
        inputs: list of KerasTensor. Without weights.
        outputs: list of KerasTensor.
        macs: int. Its multiply-adds.
    """

    kind: str
    inputs: list
    outputs: list
    macs: int


@dataclasses.dataclass
class Part:
    """What one layer of a model does.

    Attributes:
        operation: keras.Operation. The layer, or an operation of the graph
            that is none.
        steps: list of Step.
        shape: tuple. Of its last output, or None.
    """

    operation: keras.Operation
    steps: list
    shape: tuple | None = None


def record(model, image_size):
    """Run a model on shapes alone, and write down every operation.

    Layers, also the models inside a model, are replaced by the `keras.ops`
    that they call, so that no layer needs to be known.

    Args:
        model: functional keras.Model with one input.
        image_size: (int, int). Height and width, pixels.

    Returns:
        list of Part, one a layer; and the list of the model's outputs.

    Raises:
        ValueError: a layer does what cannot be counted; its name is given. Or
            there are none.
    """
    _, *size, channels = model.inputs[0].shape
    image = keras.KerasTensor((1, *image_size, channels), "float32")
    tape = _Tape()
    try:
        with tape.listening():
            outputs = model(image)
    # Layers fail in ways of their own on tensors without values.
    except Exception as error:
        layer = next(x for x in tape.stack[::-1] if isinstance(x, keras.Layer))
        raise ValueError(
            f"Cannot count {type(layer).__name__} {layer.name!r} of "
            f"{model.name}: {str(error).partition('. ')[0]}."
        ) from error
    if not tape.parts:
        raise ValueError(f"{model.name} has no layers: it returns its input.")
    return tape.parts, keras.tree.flatten(outputs)


class _Tape:
    def __init__(self):
        self.parts = []
        self.stack = []  # what is being called; kept where a call fails

    @contextlib.contextmanager
    def listening(self):
        """Send all calls of layers and operations here."""
        names = ((keras.Layer, "__call__"), (keras.Operation, "symbolic_call"))
        originals = [getattr(cls, name) for cls, name in names]
        ours = (
            lambda layer, *args, **kwargs: self._call(layer, args, kwargs),
            lambda op, *args, **kwargs: self._call(op, args, kwargs),
        )
        try:
            for (cls, name), method in zip(names, ours, strict=True):
                setattr(cls, name, method)
            yield
        finally:
            for (cls, name), method in zip(names, originals, strict=True):
                setattr(cls, name, method)

    def _call(self, operation, args, kwargs):
        if self.stack and not isinstance(self.stack[-1], keras.Layer):
            # An operation that asks another one for its shape.
            return operation.compute_output_spec(*args, **kwargs)
        if type(operation).__name__ == "ConvertToTensor":
            return args[0]  # a model makes sure of its inputs
        # A model is no part: it stands for the layers inside.
        is_part = not isinstance(operation, keras.Model) and all(
            isinstance(caller, keras.Model) for caller in self.stack
        )
        if is_part:
            self.parts.append(Part(operation, []))
        self.stack.append(operation)
        if isinstance(operation, keras.Layer) and type(operation) not in LEAVES:
            outputs = operation.call(*args, **kwargs)
        else:
            outputs = self._step(operation, args, kwargs)
        self.stack.pop()
        if is_part:
            *_, last = keras.tree.flatten(outputs)
            self.parts[-1].shape = tuple(last.shape)
        return outputs

    def _step(self, operation, args, kwargs):
        outputs = operation.compute_output_spec(*args, **kwargs)
        tensors = keras.tree.flatten((args, kwargs))
        tensors = [x for x in tensors if hasattr(x, "shape")]
        step = Step(
            kind=type(operation).__name__,
            inputs=[x for x in tensors if isinstance(x, keras.KerasTensor)],
            outputs=keras.tree.flatten(outputs),
            macs=multiply_adds(operation, tensors, outputs),
        )
        self.parts[-1].steps.append(step)
        return outputs

"""Runs LiteRT files on the host."""

import os

import numpy as np
import tqdm

from keras_mvit.quiet import quiet


class LiteRTModel:
    """A LiteRT file ready to run, one image at a time.

    Args:
        content: bytes. The file.
        num_threads: int or None. None: all cores.

    Raises:
        ValueError: the runtime cannot load the file, as for an op it does
            not have.
    """

    def __init__(self, content, num_threads=None):
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet():
                self._interpreter = Interpreter(
                    model_content=content,
                    num_threads=num_threads or os.cpu_count(),
                )
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"LiteRT cannot load it: {error}") from error
        self.inputs = self._interpreter.get_input_details()
        self.outputs = self._interpreter.get_output_details()

    @property
    def num_partitions(self):
        """Pieces of the graph that a delegate took over, an int."""
        # Once a delegate has taken its nodes it stands among the operators;
        # those it replaced are listed too, but never executed.
        operators = self._interpreter._get_ops_details()
        return sum(op["op_name"] == "DELEGATE" for op in operators)

    @property
    def left_out(self):
        """Indices of the operators that no delegate took over, a set."""
        operators = self._interpreter._get_ops_details()
        pieces = [op for op in operators if op["op_name"] == "DELEGATE"]
        originals = operators[: len(operators) - len(pieces)]
        maker = {
            tensor: op for op in originals for tensor in map(int, op["outputs"])
        }
        left = {op["index"] for op in originals}
        for piece in pieces:
            # A piece does the work of all that lies between what it takes and
            # what it makes.
            edge, todo = set(piece["inputs"]), list(piece["outputs"])
            while todo:
                op = maker.get(todo.pop())
                if op is not None and op["index"] in left:
                    left.remove(op["index"])
                    todo += [i for i in op["inputs"] if i not in edge]
        return left

    def set_input(self, value):
        """Sets the only input; `value` has its shape and type."""
        self._interpreter.set_tensor(self.inputs[0]["index"], value)

    def set_random_inputs(self, random):
        """Sets every input to values that fit its type.

        Args:
            random: numpy.random.Generator.
        """
        for tensor in self.inputs:
            shape, dtype = tensor["shape"], tensor["dtype"]
            if np.issubdtype(dtype, np.floating):
                value = random.random(shape).astype(dtype)
            else:
                value = random.integers(0, 128, shape).astype(dtype)
            self._interpreter.set_tensor(tensor["index"], value)

    def invoke(self):
        """Runs the model once.

        Raises:
            ValueError: the runtime fails.
        """
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ValueError(f"LiteRT cannot run it: {error}") from error

    def predict(self, images, progress=None):
        """Returns the output of each image, float32 (N, classes).

        Whether the file itself takes and returns floats or integers.

        Args:
            images: images.ModelInputs, or float32 (N, H, W, 3).
            progress: str or None. Label of a progress bar; None: no bar.
        """
        results = []
        hidden = True if progress is None else None  # None: if no terminal
        for image in tqdm.tqdm(images, progress, leave=False, disable=hidden):
            self.set_input(_quantize(image, self.inputs[0])[None])
            self.invoke()
            output = self._interpreter.get_tensor(self.outputs[0]["index"])
            results.append(_dequantize(output[0], self.outputs[0]))
        return np.stack(results)


def _quantize(values, tensor):
    """Returns floats as the tensor of an interpreter takes them."""
    dtype = np.dtype(tensor["dtype"])
    if not np.issubdtype(dtype, np.integer):
        return values
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(dtype)
    integers = np.round(values / np.float32(scale)) + zero_point
    return np.clip(integers, limits.min, limits.max).astype(dtype)


def _dequantize(values, tensor):
    """Returns what the tensor of an interpreter stands for, float32."""
    values = values.astype(np.float32)
    if not np.issubdtype(tensor["dtype"], np.integer):
        return values
    scale, zero_point = tensor["quantization"]
    return (values - zero_point) * np.float32(scale)

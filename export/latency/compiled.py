"""Runs LiteRT files by the CompiledModel API, on the CPU."""

import numpy as np
from ai_edge_litert import compiled_model, options
from ai_edge_litert.hardware_accelerator import HardwareAccelerator


class CompiledModel:
    """A LiteRT file ready to run; its first signature.

    It has what `interpret.LiteRTModel` has for measuring.

    Args:
        path: str.
        num_threads: int.

    Raises:
        ValueError: the runtime cannot load the file.
    """

    num_partitions = None  # the API does not tell

    def __init__(self, path, num_threads):
        chosen = options.Options(
            hardware_accelerators=HardwareAccelerator.CPU,
            cpu_options=options.CpuOptions(num_threads=num_threads),
        )
        try:
            self._model = compiled_model.CompiledModel.from_file(
                path, options=chosen
            )
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"LiteRT cannot load it: {error}") from error
        self._inputs = self._model.create_input_buffers(0)
        self._outputs = self._model.create_output_buffers(0)

    def set_random_inputs(self, random):
        """Sets every input to values that fit its type.

        Args:
            random: numpy.random.Generator.
        """
        for buffer, tensor in zip(self._inputs, self._details(), strict=True):
            dtype = np.dtype(tensor["dtype"])
            if np.issubdtype(dtype, np.floating):
                value = random.random(tensor["shape"]).astype(dtype)
            else:
                value = random.integers(0, 128, tensor["shape"]).astype(dtype)
            buffer.write(value)

    def invoke(self):
        """Runs the model once, until its outputs are there."""
        self._model.run_by_index(0, self._inputs, self._outputs)

    def _details(self):
        signature = self._model.get_signature_by_index(0)
        details = self._model.get_input_tensor_details(signature["key"])
        return [details[name] for name in signature["inputs"]]

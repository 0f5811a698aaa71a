"""The worker of `benchmarks.train_step` that trains timm's model.

    python -m benchmarks.train_step_peer mobilevit_xxs 1000 default cpu none

takes `{"size_px": 256, "batch_size": 32, "steps": 1}` a line and answers with
the seconds of a step. The third argument is `default` or a comma-separated
list of `channels_last` and `compiled`; then the device and mixed precision.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import time
import types
from unittest import mock

from benchmarks.workers import serve


class _TorchvisionStub(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers every `import torchvision...` with a module of mocks.

    timm imports it; its models do not use it.
    """

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: mock.MagicMock()
        return module

    def exec_module(self, module):
        pass


def import_timm():
    """Return the modules torch and timm.

    Raises:
        ImportError: one of them is missing.
    """
    import torch

    if importlib.util.find_spec("torchvision") is None:
        sys.meta_path.append(_TorchvisionStub())
    import timm
    import timm.utils

    return torch, timm


class TrainStep:
    """The same step as `train_step_ours`.

    Args:
        variant: str. timm's name is the same.
        num_classes: int.
        options: set of str. Of `channels_last`, `compiled`.
        device: str. `"cpu"` or `"gpu"`.
        mixed_precision: str. `"none"` or `"bfloat16"`.
    """

    def __init__(self, variant, num_classes, options, device, mixed_precision):
        torch, timm = import_timm()
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.manual_seed(0)
        # As JAX and TensorFlow have it on a GPU, for matrices too.
        torch.backends.cuda.matmul.allow_tf32 = True
        self._torch = torch
        self._device = "cuda" if device == "gpu" else "cpu"
        self._autocast = torch.autocast(
            self._device,
            getattr(torch, mixed_precision, None),
            enabled=mixed_precision != "none",
        )
        self._num_classes = num_classes
        self._batches = {}
        self._format = (
            torch.channels_last
            if "channels_last" in options
            else torch.contiguous_format
        )
        self._model = timm.create_model(variant, num_classes=num_classes)
        self._model.train().to(self._device, memory_format=self._format)
        self._average = timm.utils.ModelEmaV3(self._model, decay=0.9995)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), 1e-3, weight_decay=0.01
        )
        self._loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        self._forward = self._model
        if "compiled" in options:
            self._forward = torch.compile(self._model)

    def __call__(self, size_px, batch_size, steps):
        """Train a few steps.

        Args:
            size_px: int. Height and width of the images.
            batch_size: int.
            steps: int. The device may go on while the next is prepared.

        Returns:
            dict: seconds of one step.
        """
        images, classes = self._batch(size_px, batch_size)
        start = time.perf_counter()
        for _ in range(steps):
            loss = self._step(images, classes)
        loss.item()
        return {"seconds": (time.perf_counter() - start) / steps}

    def _step(self, images, classes):
        self._optimizer.zero_grad()
        with self._autocast:
            loss = self._loss(self._forward(images), classes)
        loss.backward()
        self._optimizer.step()
        self._average.update(self._model)
        return loss

    def _batch(self, size_px, batch_size):
        key = (size_px, batch_size)
        if key not in self._batches:
            images = self._torch.rand(batch_size, 3, size_px, size_px)
            classes = self._torch.randint(0, self._num_classes, (batch_size,))
            self._batches[key] = (
                images.to(self._device, memory_format=self._format),
                classes.to(self._device),
            )
        return self._batches[key]


def main(variant, num_classes, options, device, mixed_precision):
    """Serve a variant."""
    options = set(options.split(","))
    serve(
        TrainStep(variant, int(num_classes), options, device, mixed_precision)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

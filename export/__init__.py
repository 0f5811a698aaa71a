"""From a trained model to a LiteRT file, its accuracy and its latency."""

import importlib

_PUBLIC = {
    "FORMATS": "formats",
    "ImageSet": "images",
    "LiteRTModel": "interpret",
    "Source": "source",
    "export": "exporter",
    "from_name": "source",
    "lint_file": "lint_rules",
    "measure": "latency.host",
    "quantize_file": "quantize",
    "read_workdir": "workdir",
    "to_float32": "convert",
    "write_report": "report_writer",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name):
    # Imported on first use: measuring latency needs no TensorFlow, and a
    # command that fails on its flags should fail at once.
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)

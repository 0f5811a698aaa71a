"""What a report takes from each JSON file, and that it is there."""

_NUMBER = (int, float)
_NUMBER_OR_NULL = (int, float, type(None))

# A form is a type or some, a dict of forms by key, or [form]: some of such.
CONFIG = {"model": str, "dataset": str}
EVALUATION = {"top1": _NUMBER, "top5": _NUMBER, "loss": _NUMBER}
EXPORT = {
    "model": str,
    "image_size": list,
    "test_images": str,
    "settings": dict,
    "files": [
        {
            "file": str,
            "format": str,
            "sha256": str,
            "size_bytes": int,
            "num_images": int,
            "top1": _NUMBER_OR_NULL,
            "keras_top1": _NUMBER_OR_NULL,
            "agreement": _NUMBER,
            "relative_diff": _NUMBER,
        }
    ],
}
SENSITIVITY = {
    "num_images": int,
    "layers": [{"layer": str, "snr_db": _NUMBER}],
    "float_layers": list,
}
LATENCY = {
    "target": str,
    "device": {
        "name": str,
        "cores": (int, type(None)),
        "os": str,
        "runtime": str,
    },
    "settings": {"runs": int, "warmup_runs": int},
    "results": [
        {
            "model": str,
            "sha256": str,
            "size_bytes": int,
            "threads": int,
            "median_ms": _NUMBER,
        }
    ],
}


def check(path, value, form, name="it"):
    """Raises `ValueError` that names a file unless a value of it has a form.

    Args:
        path: str. The file.
        value: what `json.load` returned, or a part of it.
        form: one of the above, or a part of it.
        name: str. What to call the value.
    """
    if isinstance(form, dict):
        _expect(isinstance(value, dict), path, f"{name} is not an object")
        for key, part in form.items():
            _expect(key in value, path, f"{name} has no {key!r}")
            check(path, value[key], part, key)
    elif isinstance(form, list):
        _expect(isinstance(value, list), path, f"{name} is not a list")
        _expect(value, path, f"{name} is empty")
        for one in value:
            check(path, one, *form, f"one of {name}")
    else:
        _expect(isinstance(value, form), path, f"{name} is {value!r}")


def _expect(holds, path, otherwise):
    if not holds:
        raise ValueError(f"{path} is damaged: {otherwise}")

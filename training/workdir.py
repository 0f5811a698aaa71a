"""The work directory, docs/work-directory.md: what training leaves behind."""

import contextlib
import dataclasses
import fcntl
import json
import os
import sys

from keras_mvit.files import replacing, write_json, write_text
from keras_mvit.training.settings import Settings

# A run is what these are; all else may change when it is resumed.
_IDENTITY = (
    "model",
    "dataset",
    "image_size",
    "crop_fraction",
    "interpolation",
    "mixed_precision",
    "optimizer",
    "quantize_aware",
)
_PACKAGES = ("keras_mvit", "keras", "tensorflow", "jax", "numpy")


class WorkDirectory:
    """The files of one run.

    Args:
        path: str. Made if it is not there.

    Attributes:
        path: str. The folder.
    """

    def __init__(self, path):
        self.path = os.path.expanduser(path)

    def file(self, name):
        """The path of a file, for example `"model.keras"`."""
        return os.path.join(self.path, name)

    def start(self, settings, pipeline):
        """Writes what describes the run.

        Args:
            settings: `Settings`, resolved.
            pipeline: `Pipeline`.
        """
        source = pipeline.source
        write_text(
            self.file("labels.txt"),
            "".join(f"{name}\n" for name in source.class_names),
        )
        write_json(
            self.file("preprocessing.json"),
            dataclasses.asdict(pipeline.preprocessing),
        )
        # The last: it says that a run has begun.
        write_json(
            self.file("config.json"),
            {
                **dataclasses.asdict(settings),
                "num_classes": len(source.class_names),
                "num_images": source.num_images,
                "buckets": [dataclasses.asdict(b) for b in pipeline.buckets],
                "versions": _versions(),
            },
        )

    @contextlib.contextmanager
    def locked(self):
        """Keeps every other process from training here inside the block.

        Raises:
            ValueError: another one does.
        """
        os.makedirs(self.path, exist_ok=True)
        # The system gives it back whatever ends the process.
        with open(self.file(".lock"), "a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ValueError(
                    f"Another process is training in {self.path}. Stop it, or "
                    "name another --workdir"
                ) from error
            yield

    def settings(self):
        """The `Settings` of the run that has begun here.

        Raises:
            ValueError: none has, or `config.json` is damaged.
        """
        config = self._config()
        if config is None:
            raise ValueError(
                f"{self.path} is no work directory of training: it has no "
                "config.json"
            )
        names = {field.name for field in dataclasses.fields(Settings)}
        try:
            return Settings(**{k: v for k, v in config.items() if k in names})
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{self.file('config.json')} is damaged: {error}"
            ) from error

    def labels(self):
        """The class names of the run that has begun here: tuple of str."""
        with open(self.file("labels.txt"), encoding="utf-8") as file:
            return tuple(file.read().removesuffix("\n").split("\n"))

    def read_json(self, name):
        """The dict in a file.

        Args:
            name: str. Such as `"config.json"`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged.
        """
        path = self.file(name)
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path} is damaged: it holds no object")
        return content

    def save_model(self, name, model):
        """Writes a model file.

        Args:
            name: str. `"model.keras"` or `"best.keras"`.
            model: `keras.Model`, not compiled.
        """
        with replacing(self.file(name)) as partial:
            model.save(partial)

    def check_same_run(self, settings, source):
        """Checks that settings and data are those of the run, if there is one.

        Args:
            settings: `Settings`, resolved.
            source: `Source`.

        Raises:
            ValueError: as `start`.
        """
        config = self._config()
        if config is None:
            return
        for name in _IDENTITY:
            # A run of an earlier version knows fewer settings.
            old = config.get(name, getattr(Settings, name, None))
            new = getattr(settings, name)
            if old != new:
                raise ValueError(
                    f"{self.path} is of a run with {name}={old}, "
                    f"not {new}. Name another --workdir, or --{name}={old}"
                )
        old = self.labels()
        if old != source.class_names:
            raise ValueError(
                f"{self.path} is of a run with the classes {', '.join(old)}, "
                f"not {', '.join(source.class_names)}. Name another --workdir"
            )

    def _config(self):
        try:
            return self.read_json("config.json")
        except FileNotFoundError:
            return None


def _versions():
    """{name: version} of what is imported, however it was installed."""
    return {
        name: sys.modules[name].__version__
        for name in _PACKAGES
        if name in sys.modules
    }

"""Writing a folder so that it never holds half a file."""

import contextlib
import os
import tempfile


@contextlib.contextmanager
def staged(output_dir):
    """Yields a folder whose files move to `output_dir` if all goes well.

    If the block raises, `output_dir` keeps what it held before and nothing
    else.

    Raises:
        ValueError: `output_dir` cannot be made or written to.
    """
    try:
        os.makedirs(output_dir, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=output_dir, prefix=".staged-")
    except OSError as error:
        raise ValueError(
            f"Cannot write to output_dir={output_dir!r}: {error.strerror}"
        ) from error
    with folder:
        yield folder.name
        for name in sorted(os.listdir(folder.name)):
            source = os.path.join(folder.name, name)
            os.replace(source, os.path.join(output_dir, name))


def write_text(path, text):
    """Writes `text` beside `path`, then renames it there."""
    folder, name = os.path.split(os.path.abspath(path))
    with staged(folder) as stage:
        with open(os.path.join(stage, name), "w", encoding="utf-8") as file:
            file.write(text)

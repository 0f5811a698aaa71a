"""Writing a folder so that it never holds half a file."""

import contextlib
import os
import tempfile


def listed(paths):
    """A list of paths, of one or several.

    Args:
        paths: str, PathLike, or iterable of such.
    """
    if isinstance(paths, str | os.PathLike):
        return [paths]
    return list(paths)


@contextlib.contextmanager
def staged(output_dir, obsolete=()):
    """Yields a folder whose files move to `output_dir` if all goes well.

    If the block raises, `output_dir` keeps what it held before and nothing
    else.

    Args:
        output_dir: str. Made where it is not there.
        obsolete: collection of str. Names of files to remove then.

    Raises:
        ValueError: `output_dir` cannot be made or written to, or has a folder
            where a file shall be.
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
        targets = {
            os.path.join(folder.name, name): os.path.join(output_dir, name)
            for name in sorted(os.listdir(folder.name))
        }
        for target in targets.values():
            if os.path.isdir(target):
                raise ValueError(
                    f"{target} is a folder, and shall be a file. Nothing was"
                    " written"
                )
        for source, target in targets.items():
            os.replace(source, target)
        for name in obsolete:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(output_dir, name))

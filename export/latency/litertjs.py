"""LiteRT.js (Apache-2.0), fetched once by npm: 38 MB, too big to ship."""

import os
import shutil
import subprocess
import tempfile

VERSION = "2.5.3"
_CORE, _UTILS = "@litertjs/core", "@litertjs/wasm-utils"
_IMPORT = f'from "{_UTILS}"'


def cache_dir():
    """Returns the folder of what this package fetches or makes once."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "keras_mvit")


def find(folder=None):
    """Returns the `node_modules` folder with LiteRT.js in it.

    Args:
        folder: str or None. Where it is; None: in the cache, to which npm
            downloads it if it is missing.

    Raises:
        ValueError: it is not there, or npm is missing or fails.
    """
    if folder is None:
        folder = os.path.join(cache_dir(), f"litertjs-{VERSION}")
        if not os.path.isdir(folder):
            _install(folder)
    inner = os.path.join(folder, "node_modules")
    folder = inner if os.path.isdir(inner) else folder
    for package in (_CORE, _UTILS):
        path = os.path.join(folder, package, "dist", "index.js")
        if not os.path.isfile(path):
            raise ValueError(
                f"There is no {path}; expected a folder in which"
                f" `npm install {_CORE}@{VERSION}` was run"
            )
    return folder


def read_files(node_modules):
    """Reads what a browser loads, as a dict of name -> bytes."""
    core = os.path.join(node_modules, _CORE)
    index = _read(os.path.join(core, "dist", "index.js")).decode("utf-8")
    # A browser knows no package names.
    index = index.replace(_IMPORT, 'from "./wasm-utils.js"')
    files = {
        "index.js": index.encode("utf-8"),
        "wasm-utils.js": _read(
            os.path.join(node_modules, _UTILS, "dist", "index.js")
        ),
    }
    for name in sorted(os.listdir(os.path.join(core, "wasm"))):
        files[f"wasm/{name}"] = _read(os.path.join(core, "wasm", name))
    return files


def _install(folder):
    if shutil.which("npm") is None:
        raise ValueError(
            "There is no npm to fetch LiteRT.js with; install it (Debian: apt"
            f" install npm), or run `npm install {_CORE}@{VERSION}` elsewhere"
            " and name that folder by --litertjs_dir"
        )
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as staging:
        process = subprocess.run(
            ["npm", "install", "--prefix", staging, "--ignore-scripts",
             "--no-audit", "--no-fund", f"{_CORE}@{VERSION}"],
            capture_output=True, text=True,
        )  # fmt: skip
        if process.returncode:
            raise ValueError(
                f"npm could not fetch {_CORE}@{VERSION}:"
                f" {process.stderr.strip()[-500:]}"
            )
        os.rename(os.path.join(staging, "node_modules"), folder)


def _read(path):
    with open(path, "rb") as file:
        return file.read()

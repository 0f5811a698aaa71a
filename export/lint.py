"""Tells whether targets can take LiteRT files, and what keeps them from it.

    python -m keras_mvit.export.lint model.tflite --targets=xnnpack,gpu

Ends with status 1 where a target cannot take a whole file.
"""

import sys

from absl import app, flags

from keras_mvit import console
from keras_mvit.export import lint_rules, metadata

_TARGETS = flags.DEFINE_list(
    "targets", list(lint_rules.TARGETS), "Where the files should run."
)


def main(paths):
    """Lints the files and prints one line a finding, one a target."""
    if not paths:
        raise ValueError("Name LiteRT files to lint")
    results = [_lint(path) for path in paths]
    sys.exit(0 if all(results) else 1)


def _lint(path):
    """Prints what a file suffers from; returns whether all targets take it."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        findings = lint_rules.lint_file(content, _TARGETS.value)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    print(path)
    for finding in findings:
        print(f"  {finding.target}: {finding.place}: {finding.message}")
    for target in dict.fromkeys(_TARGETS.value):
        count = sum(finding.target == target for finding in findings)
        print(f"  {target}: {f'no, {count} findings' if count else 'yes'}")
    print(f"  metadata: {_metadata(content)}")
    return not findings


def _metadata(content):
    try:
        about = metadata.read(content)
    except ValueError as error:  # of another kind of model
        return str(error)
    if about is None:
        return "none"
    labels = "no" if about.labels is None else len(about.labels)
    return f"{about.name} {about.version}, {labels} labels"


def run():
    """Entry point of the console script."""
    # The arguments that are no flags are files, which `friendly` would refuse.
    app.run(lambda argv: console.friendly(lambda _: main(argv[1:]))(argv[:1]))


if __name__ == "__main__":
    run()

"""Writes what was trained, exported and measured as one page.

    python -m keras_mvit.export.report --workdir=runs/demo \
        --export_dir=runs/demo/export --latency=latency.json \
        --output_dir=runs/demo

report.html holds everything in one file; report.md has its figures beside it.
"""

from absl import app, flags

from keras_mvit import console
from keras_mvit.export import report_writer

_WORKDIR = flags.DEFINE_string("workdir", None, "Work directory.")
_EXPORT_DIR = flags.DEFINE_string("export_dir", None, "Folder of an export.")
_LATENCY = flags.DEFINE_list("latency", [], "JSON files of measure_latency.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where to.")
flags.mark_flag_as_required("output_dir")


def main(argv):
    """Writes report.html and report.md and says where."""
    del argv
    for path in report_writer.write_report(
        _OUTPUT_DIR.value, _WORKDIR.value, _EXPORT_DIR.value, _LATENCY.value
    ):
        print(path)


def run():
    """Entry point of the console script."""
    app.run(console.friendly(main))


if __name__ == "__main__":
    run()

"""Writes a report as HTML and as Markdown."""

import os

from keras_mvit.export import files, report_content, report_data, report_page


def write_report(output_dir, workdir=None, export_dir=None, latency_files=()):
    """Writes report.html, report.md and the figures of the latter.

    Args:
        output_dir: str. Made if it is not there.
        workdir: str or None. Work directory.
        export_dir: str or None. Folder with export.json.
        latency_files: list of str, or one. JSON files of `measure_latency`.

    Returns:
        list of str: the paths of report.html and report.md.

    Raises:
        ValueError: as `report_data.gather`, or `output_dir` cannot be written
            to.
    """
    data = report_data.gather(workdir, export_dir, latency_files)
    title, blocks = report_content.title(data), report_content.blocks(data)
    pages = {
        "report.html": report_page.to_html(title, blocks),
        "report.md": report_page.to_markdown(title, blocks),
    }
    contents = {name: page.encode("utf-8") for name, page in pages.items()}
    for block in blocks:
        if isinstance(block, report_page.Figure):
            contents[block.file_name] = block.file_content
    with files.staged(output_dir) as stage:
        for name, content in contents.items():
            with open(os.path.join(stage, name), "wb") as file:
                file.write(content)
    return [os.path.join(output_dir, name) for name in pages]

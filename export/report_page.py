"""Pages of headings, paragraphs, tables and figures, in HTML and Markdown."""

import base64
import dataclasses
import html

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem;
  margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { background: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; overflow-x: auto; }
img, svg { width: 100%; min-width: 22rem; max-width: 52rem; height: auto; }
"""


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading of a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph of plain text."""

    text: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of plain text; the first column is left-aligned."""

    header: list
    rows: list


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure: an <svg> element as str, or a PNG as bytes."""

    name: str
    alt: str
    content: str | bytes

    @property
    def file_name(self):
        """Name of the figure's file beside a Markdown page."""
        suffix = "svg" if isinstance(self.content, str) else "png"
        return f"report_{self.name}.{suffix}"

    @property
    def file_content(self):
        """Content of that file, bytes."""
        if isinstance(self.content, bytes):
            return self.content
        # In a file there is no surrounding text to take the colour from;
        # this grey is readable on light and dark.
        return self.content.replace("currentColor", "#808080").encode()


def to_html(title, blocks):
    """Renders one self-contained HTML page."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,'
        ' initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<h1>{html.escape(title)}</h1>\n{body}\n"
        "</body>\n</html>\n"
    )


def to_markdown(title, blocks):
    """Renders a Markdown page; figures are files beside it."""
    parts = [f"# {_plain(title)}", *(_markdown(block) for block in blocks)]
    return "\n\n".join(parts) + "\n"


def _html(block):
    if isinstance(block, Heading):
        return f"<h2>{html.escape(block.text)}</h2>"
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Table):
        lines = [_html_row("th", block.header)]
        lines += [_html_row("td", row) for row in block.rows]
        body = "\n".join(lines)
        return f'<div class="scroll"><table>\n{body}\n</table></div>'
    return f"<figure>{_html_figure(block)}</figure>"


def _html_row(tag, cells):
    cells = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{cells}</tr>"


def _html_figure(figure):
    if isinstance(figure.content, str):
        return figure.content
    data = base64.b64encode(figure.content).decode()
    alt = html.escape(figure.alt)
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'


def _markdown(block):
    if isinstance(block, Heading):
        return f"## {_plain(block.text)}"
    if isinstance(block, Text):
        return _plain(block.text)
    if isinstance(block, Table):
        rule = [":--", *["--:"] * (len(block.header) - 1)]
        lines = [
            [_plain(c) for c in row] for row in (block.header, *block.rows)
        ]
        lines.insert(1, rule)
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"![{_plain(block.alt)}]({block.file_name})"


def _plain(text):
    """Escapes what Markdown would take for markup."""
    for character in "\\|<*_`[":
        text = text.replace(character, "\\" + character)
    return text

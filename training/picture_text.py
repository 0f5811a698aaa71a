"""Class names in pictures: whatever the script, and never a formula."""

import contextlib
import warnings

# matplotlib's own, then those that systems bring for other scripts.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Nirmala UI",
    "Leelawadee UI",
)


@contextlib.contextmanager
def as_written():
    """Inside, matplotlib draws text as it is, in the fonts there are.

    What no font has becomes a box, without a warning for each.
    """
    import matplotlib
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    families = [family for family in _FAMILIES if family in there]
    style = {"font.family": families, "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield

"""A labelled grid of images, as PNG."""

from keras_mvit.files import replacing
from keras_mvit.training.picture_text import as_written

_INCHES = 1.3  # of an image's side


@as_written()
def write_grid(path, rows):
    """Writes rows of images, each image with a title.

    Args:
        path: str. Of the PNG; replaced in one piece.
        rows: dict of a row's label (str) to a list of (uint8 array (H, W, 3),
            title (str)). Rows may be of different lengths.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(map(len, rows.values()))
    size = (_INCHES * columns, 1.2 * _INCHES * len(rows))
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, (label, images) in zip(axes, rows.items(), strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, (image, title) in zip(row, images, strict=False):
            axis.imshow(image, interpolation="none")
            axis.set_title(title, fontsize=8)
        row[0].text(
            -0.1,
            0.5,
            label,
            transform=row[0].transAxes,
            ha="right",
            va="center",
            fontsize=8,
        )
    with replacing(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)

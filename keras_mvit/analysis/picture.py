"""Maps of scores over the images they belong to, as one picture."""

import os

import numpy as np
from PIL import Image, ImageOps


def save_picture(path, images, scores):
    """Save a grid: a row for each image, a column for each output stride.

    Scores are drawn as multiples of their mean, so that 1 is what uniform
    attention gives every place; each map has its own scale.

    Args:
        path: str. A `.png`, `.pdf` or `.svg` file.
        images: float array (B, H, W, 3). RGB in [0, 1].
        scores: dict of str to array (B, h, w), as of `context_scores`.

    Raises:
        ValueError: an unknown extension, or scores of other images.
    """
    from matplotlib.figure import Figure

    if os.path.splitext(path)[1].lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(
            "A picture must end in .png, .pdf or .svg. Received: "
            f"path={os.fspath(path)!r}"
        )
    images = np.asarray(images)
    for name, maps in scores.items():
        if len(maps) != len(images):
            raise ValueError(
                f"Expected a map for each of {len(images)} images. Received: "
                f"{len(maps)} of {name}"
            )
    height, width = images.shape[1:3]
    columns = 1 + len(scores)
    figure = Figure(
        figsize=(3.2 * columns, 3 * len(images) * height / width + 0.3),
        layout="constrained",
    )
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (axes, image) in enumerate(zip(grid, images, strict=True)):
        for axis, name in zip(axes, ["image", *scores], strict=True):
            axis.imshow(image, extent=(0, width, height, 0))
            axis.set_axis_off()
            if row == 0:
                axis.set_title(name.replace("_", " "))
        for axis, maps in zip(axes[1:], scores.values(), strict=True):
            overlay = axis.imshow(
                maps[row] / maps[row].mean(),
                cmap="inferno",
                alpha=0.65,
                interpolation="nearest",
                extent=(0, width, height, 0),
            )
            figure.colorbar(overlay, ax=axis, shrink=0.8, label="times mean")
    figure.savefig(path, dpi=150)


def read_images(paths, image_size):
    """Reads the centre of image files.

    Args:
        paths: list of str. Of any kind that Pillow reads.
        image_size: (int, int). Height and width in pixels.

    Returns:
        float32 array (B, height, width, 3), RGB from 0 to 1.

    Raises:
        OSError: a file is missing or no image.
    """
    images = []
    for path in paths:
        with Image.open(path) as image:
            image.load()
        if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off
            image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
        image = ImageOps.fit(
            image.convert("RGB"), image_size[::-1], Image.Resampling.BICUBIC
        )
        images.append(np.asarray(image, "float32") / 255)
    return np.stack(images)

"""The one look of all figures: colours, the style sheet digits.mplstyle, and what several figures draw.

Colours are Okabe and Ito's, distinguishable for colour-blind readers; lines differ in style too, for print in grey.
"""

import contextlib
import textwrap
import warnings
from pathlib import Path

import numpy as np

from digits.files import atomic_write

BLUE, ORANGE, GREY, PALE = "#0072B2", "#D55E00", "#666666", "#CFE0EC"
PITCH, ROW = 1.2, 1.3  # from one image to the next, and from one row of images to the next, in widths of an image
# The first is matplotlib's own; the others, for Chinese names, come with macOS, Windows, and Linux.
FONTS = [
    *("DejaVu Sans", "PingFang TC", "PingFang HK", "Heiti TC", "Microsoft JhengHei", "Microsoft YaHei"),
    *("Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Sans TC", "WenQuanYi Zen Hei", "AR PL UMing TW"),
]
MARGIN = 22  # pixels around a figure


@contextlib.contextmanager
def figure(path, size):
    """Yield a matplotlib Figure, `size` in inches; it is written to `path` as PNG when the block ends well."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # not pyplot: no window, no display needed
    from matplotlib.font_manager import get_font_names
    from PIL import Image, ImageOps

    style, installed = Path(__file__).with_name("digits.mplstyle"), get_font_names()
    families = {"font.family": [name for name in FONTS if name in installed]}
    with warnings.catch_warnings(), matplotlib.rc_context(families, style):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a file's name, say: a box stands there instead
        fig = Figure(figsize=size)
        canvas = FigureCanvasAgg(fig)
        yield fig
        if title := fig.get_suptitle():
            width = int(10 * size[0])  # an inch has room for ten letters
            title = title.encode("utf-8", "replace").decode()  # a file's name may be no text
            fig.suptitle("\n".join(textwrap.fill(line, width) for line in title.splitlines()))
        canvas.draw()
        # The white around it is cropped here: savefig(bbox_inches="tight") finds it by drawing everything twice.
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        image = ImageOps.expand(image.crop(ImageOps.invert(image).getbbox()), MARGIN, "white")
        with atomic_write(path) as part:
            image.save(part, format="PNG", dpi=(fig.dpi, fig.dpi))


def draw_images(axes, images, captions, columns, numbers=(), below=0.0, **colors):
    """Draw square images in rows of `columns` into one matplotlib `axes`, each 1 wide with its caption above it.

    images, captions: (n, height, width), and n strings; numbers: n texts for the corners of the images, or none.
    below: room left under each image; colors: cmap, vmin, vmax of `imshow`; as they are, 0 is black and 1 white.

    Returns the left upper corners of the images, n pairs (x, y); y grows downwards.
    """
    rows = max(1, -(-len(images) // columns))
    corners = [(PITCH * (i % columns), (ROW + below) * (i // columns)) for i in range(len(images))]
    for (x, y), image, caption in zip(corners, images, captions):
        axes.imshow(image, extent=(x, x + 1, y + 1, y), **{"cmap": "gray", "vmin": 0, "vmax": 1} | colors)
        axes.text(x + 0.5, y - 0.03, caption, ha="center", va="bottom")
    for (x, y), number in zip(corners, numbers):
        axes.text(x + 0.04, y + 0.04, number, color="#FFB060", va="top", fontsize=10)
    axes.set(xlim=(-0.1, PITCH * columns - 0.1), ylim=((ROW + below) * rows - 0.25, -0.25), aspect="equal")
    axes.axis("off")
    return corners


def draw_bars(axes, probabilities, left, base, width, height):
    """Draw ten probabilities as bars on a line, the largest one orange, with the digits below; return their middles."""
    places = left + width * np.linspace(0.05, 0.95, 10)
    colors = [ORANGE if digit == probabilities.argmax() else BLUE for digit in range(10)]
    axes.bar(places, -height * probabilities, 0.08 * width, bottom=base, color=colors)
    axes.plot([left, left + width], [base, base], color=GREY, linewidth=0.8)
    for digit, place in enumerate(places):
        axes.text(place, base + 0.04, f"{digit}", ha="center", va="top", fontsize=8 if width < 2 else 11)
    return places


def format_percent(share, decimals=1):
    """Return a share as a percentage, to the nearest, as pandas rounds, but 100% for all only; "-" for NaN.

    So the figures agree with the tables in the terminal, and no prediction is certain that is not.
    """
    if np.isnan(share):
        return "-"
    digits = decimals + 2
    rounded = np.round(float(share), digits)
    if share < 1:
        rounded = min(rounded, 1 - 10**-digits)
    return f"{rounded:.{decimals}%}"

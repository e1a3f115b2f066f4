"""The one look of all figures: colours, the style sheet digits.mplstyle, and what several figures draw.

Colours are Okabe and Ito's, told apart by colour-blind eyes; lines differ in style too, for print in grey.
"""

import contextlib
from pathlib import Path

import numpy as np

from digits.environment import import_matplotlib
from digits.files import atomic_write

BLUE, ORANGE, GREY, PALE = "#0072B2", "#D55E00", "#666666", "#CFE0EC"
STYLE_SHEET = Path(__file__).with_name("digits.mplstyle")


@contextlib.contextmanager
def figure(path, size):
    """Yield a matplotlib Figure, `size` in inches; it is written to `path` as PNG when the block ends well."""
    matplotlib = import_matplotlib()
    from matplotlib.figure import Figure  # not pyplot: no window, no display needed

    sheet = matplotlib.rc_params_from_file(STYLE_SHEET, use_default_template=False)
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **sheet}):
        fig = Figure(figsize=size)
        yield fig
        with atomic_write(path) as part:
            fig.savefig(part, format="png")


def show(paths):
    """Open a window for each saved figure and wait until they are closed; where there is no display, say so."""
    from matplotlib import pyplot

    if pyplot.get_backend().lower() == "agg":
        print("--show: there is no display here; open the files named above instead")
        return
    for path in paths:
        image = pyplot.imread(path)
        window = pyplot.figure(path, figsize=(image.shape[1] / 110, image.shape[0] / 110))
        window.figimage(image)
    pyplot.show()


def plot_curves(axes, epochs, training, validation=None, labels=("training", "validation"), **line):
    """Draw the curves of training and, if there is one, validation, a number per epoch each, into matplotlib `axes`."""
    axes.plot(epochs, training, "-", color=BLUE, label=labels[0], **{"linewidth": 2} | line)
    if validation is not None:
        axes.plot(epochs, validation, "--", color=ORANGE, label=labels[1], **{"linewidth": 2} | line)
    axes.locator_params(axis="x", integer=True, nbins=11)
    axes.grid(True)


def shade_between(axes, x, lower, upper, color=GREY, label=None):
    """Shade what lies between two curves."""
    axes.fill_between(x, lower, upper, color=color, alpha=0.2, label=label)


def format_percent(share, decimals=1):
    """Return a share as a percentage, rounded down: no mistake has a confidence of 100%; "-" for NaN."""
    if np.isnan(share):
        return "-"
    return f"{np.floor(100 * 10**decimals * share) / 10**decimals:.{decimals}f}%"

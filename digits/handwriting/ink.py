"""From an image to its ink: what a pen has darkened, without paper, uneven light, shadows, the desk and rulings."""

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage
from PIL import Image

from digits.handwriting.rulings import remove_rulings

WORKING = 200, 700  # pixels: least and largest longer side of the image that ink is looked for in
BLUR = 0.3, 0.8  # pixels, of the file and of the working size: takes the grain out, and leaves a thin pen
TWO_LEVELS = 0.85  # of the variance lies between two levels: from 0.866 on in scans, up to 0.838 in light and shadow
MEDIAN = 32, 15  # pixels: a median over so many of an image made so small is taken over half of it
EVEN = 0.02, 0.2  # of white, of the image: a scan's paper has one grey to within the first, and more than the second
WHITE = 99  # percentile: a scan's paper, whatever single pixels are
REACH = 0.12  # of the longer side: no stroke on unevenly lit paper is wider
PAPER = 25  # percentile of the darkness: paper, which most of an image is
FAINTEST = 0.16  # of the paper's brightness: ink is darker by that much; of white: so bright is any paper
WINDOW = 16  # pixels: within so many, a pen's pressure stays the same
AROUND = 5  # pixels: the standard deviation of the Gaussian that tells how dark it is around a pixel
STANDS_OUT = 1.7  # times as dark as it is around: a pale stroke
SURE = 0.6  # of the usual darkness of ink: each piece of ink reaches it somewhere
ALONG = 0.95  # of a piece's length: in contact with the frame, it lies along it
SPECK = 0.05  # of the longer side, or of a piece's usual ink: less is no digit


def find_ink(scan):
    """Find the ink in a grey image, float32 in [0, 1].

    Returns, at the working size, which pixels are ink, bool; which are too pale to be, bool; and the printed lines, see
    `remove_rulings`.
    """
    scale = np.clip(max(scan.shape), *WORKING) / max(scan.shape)
    size = [max(1, round(side * scale)) for side in scan.shape[::-1]]
    grey = np.asarray(Image.fromarray(scan).resize(size, Image.BICUBIC if scale > 1 else Image.BOX))
    grey = np.clip(scipy.ndimage.gaussian_filter(grey, max(BLUR[0] * scale, BLUR[1])), 0, 1)
    if is_light_on_dark(grey):
        grey = 1 + grey.min() - grey
    darkness = remove_background(grey)
    mask = threshold_ink(darkness)
    shadows = along_frame(mask)
    mask, rulings = remove_rulings(mask, shadows)
    mask = mask & ~shadows
    usual = np.median(darkness[mask]) if mask.any() else 0  # pieces that are paler are lines printed in grey, say
    sure = skimage.filters.apply_hysteresis_threshold(np.where(mask, darkness, 0), 0, SURE * usual)
    return sure, mask & ~sure, rulings


def is_light_on_dark(grey):
    """Return whether the ink is lighter than what it is on.

    A scan has two levels, and ink is the thinner one. On unevenly lit paper, ink is what is rarer than paper nearby.
    """
    if not np.ptp(grey):
        return False
    bright = grey > skimage.filters.threshold_otsu(grey)
    between = bright.mean() * (1 - bright.mean()) * (grey[bright].mean() - grey[~bright].mean()) ** 2
    if between < TWO_LEVELS * grey.var():
        return bool(np.mean((grey - local_median(grey)) ** 3) > 0)
    light, dark = (scipy.ndimage.distance_transform_edt(level).max() for level in (bright, ~bright))
    return bool(light < dark)


def local_median(grey):
    """Return the median of the pixels around each pixel, in a window of half the image. Shaped like `grey`."""
    small, window = MEDIAN
    size = [max(1, round(small * side / max(grey.shape))) for side in grey.shape[::-1]]
    level = np.asarray(Image.fromarray(grey).resize(size, Image.BOX))
    level = scipy.ndimage.median_filter(level, window, mode="nearest")
    return np.asarray(Image.fromarray(level).resize(grey.shape[::-1], Image.BILINEAR))


def remove_background(grey):
    """Return how much darker than its paper each pixel is, float32, at least 0.

    A scan's paper has one grey. In a photograph, a closing fills the strokes with the paper at their sides and leaves
    what is wider, a shadow or a desk, as it is; the median nearby keeps the edge of a shadow from becoming ink.
    """
    white = np.percentile(grey, WHITE)
    if np.mean(grey > white - EVEN[0]) > EVEN[1]:
        paper = white
    else:
        reach = round(REACH * max(grey.shape))
        padded = np.pad(grey, reach, mode="maximum", stat_length=reach)
        closed = scipy.ndimage.grey_closing(padded, (reach, reach))[reach:-reach, reach:-reach]
        paper = np.minimum(closed, np.maximum(local_median(grey), grey))
    darkness = (paper - grey) / np.maximum(paper, FAINTEST)
    return (darkness - np.percentile(darkness, PAPER)).clip(0)


def threshold_ink(darkness):
    """Return which pixels are ink, bool: half as dark as the darkest nearby, or much darker than around it."""
    nearby = scipy.ndimage.maximum_filter(darkness, WINDOW)
    around = scipy.ndimage.gaussian_filter(darkness, AROUND)
    return (darkness > FAINTEST) & ((darkness > nearby / 2) | (darkness > STANDS_OUT * around))


def along_frame(mask):
    """Return which pieces of `mask` lie along the frame, shadows or the desk; none where all ink but specks does."""
    labels, count = scipy.ndimage.label(mask, np.ones((3, 3)))
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    contact = np.bincount(rim, minlength=count + 1)[1:]
    length = np.array([max(part.stop - part.start for part in box) for box in scipy.ndimage.find_objects(labels)])
    shadow = contact >= ALONG * length
    shadow &= length[~shadow].max(initial=0) > SPECK * max(mask.shape)
    return np.append(False, shadow)[labels]

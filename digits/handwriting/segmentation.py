"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

from typing import NamedTuple

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

from digits.handwriting.ink import SPECK, find_ink
from digits.handwriting.normalization import box_of, center_by_mass, normalize_stroke
from digits.handwriting.rulings import draw

GRAIN = 8  # pixels: no longer is what is none of the ink
NEAR = 0.25  # of a digit's size: so near are its parts, one above the other; anywhere, if there is only one digit
TOUCHING = 0.07  # of a digit's size: so near are its parts wherever they are
LOW = 0.85  # of the taller one's height: of two pieces above each other, a taller one is a digit of the next row
HEIGHT = 0.5, 2  # times the usual one: no digit is lower, or taller
WIDE = 1.25, 1.6  # times the usual height, of one digit of several, or of the only one: what is wider is several
ON_ITS_SIDE = 4  # digits: if the most of so many are wider than high, the page lies on its side
MOST = 6  # digits that touch: what is wider is a dash or a word
OFF = 0.2  # of a digit's height: so far from where it should be, two that touch are cut apart
ASPECT = 0.8  # width of a digit by its height: the median of the MNIST images that the networks are trained on
ROW = 0.6  # of a digit's height: the next one in its row is no higher or lower


class Digits(NamedTuple):
    """The digits found in an image, row by row from the top, each row from left to right. Boxes are in its pixels."""

    boxes: np.ndarray  # (n, 4): left, top, right, bottom
    images: np.ndarray  # (n, 28, 28) uint8, like MNIST's
    touching: np.ndarray  # (n,) bool: cut apart from another one, or too wide for a digit
    dropped: np.ndarray  # (m, 4): what may be ink too, and is in no digit


def find_digits(image, single=False):
    """Find the digits in a PIL image.

    single: the image is known to show one digit, the largest; what lies near belongs to it, at its side too.
    Returns `Digits`, none where there is no ink.
    """
    grey = np.asarray(image.convert("L"), np.float32) / 255
    (height, width), digits, touching, dropped = find_parts(grey, grey.shape, single)
    if len(digits) == 1 and height == width and box_of(digits[0]) == (0, 0, width, height):  # stretched to a square
        shape = grey.shape[0], ASPECT * grey.shape[1]
        (height, width), digits, touching, dropped = find_parts(grey, shape, single)
    scale = np.array([image.width / width, image.height / height] * 2)
    images = [center_by_mass(normalize_stroke(draw(digit, (height, width)))) for digit in digits]
    boxes, others = (np.array([box_of(part) for part in some]).reshape(-1, 4) for some in (digits, dropped))
    images = np.array(images, np.uint8).reshape(-1, 28, 28)
    return Digits(boxes * scale, images, np.array(touching, bool), others * scale)


def find_parts(grey, shape, single):
    """Return the height and width that were looked at, the digits in order, which of them touch, and what is left out.

    Arguments: see `find_ink` and `find_digits`. A digit, like any part of the ink, is the (n, 2) places of its pixels.
    """
    mask, faint, others = find_ink(grey, shape)
    pieces = list_pieces(mask)
    if not pieces:
        return mask.shape, [], [], others + list_pieces(faint)
    ink = np.array([len(piece) for piece in pieces])
    least = SPECK * find_usual(ink, pieces)
    pieces, specks = split(pieces, ink > least)
    others += specks + [piece for piece in list_pieces(faint) if len(piece) > least]
    if single:
        near = measure_gaps(pieces) < NEAR * longer_side(pieces[0])
        number = scipy.sparse.csgraph.connected_components(near)[1]
        digit, *dropped = sorted(join(pieces, number), key=len, reverse=True)
        return mask.shape, [digit], [False], dropped + others
    pieces, large = set_large_apart(pieces)
    digits, dropped = choose_digits(group_pieces(pieces), mask.shape)
    height, width = np.median([np.ptp(digit, axis=0) for digit in digits], axis=0)
    wide = np.inf if width > height and len(digits) >= ON_ITS_SIDE else WIDE[len(digits) == 1]
    parts = [part for digit in digits for part in cut_apart(digit, height, wide)]
    for piece in large:
        rows, rest = cut_into_rows(piece, digits)
        parts += [(row, True) for row in rows]
        dropped += rest
    order = sort_by_rows([digit for digit, _ in parts])
    digits, touching = zip(*(parts[i] for i in order))
    return mask.shape, digits, touching, dropped + others


def find_usual(sizes, pieces):
    """Return the median of the pieces' sizes, weighted by their ink: what most of the ink is decides."""
    order = np.argsort(sizes)
    ink = np.cumsum([len(pieces[i]) for i in order])
    return sizes[order[np.searchsorted(ink, ink[-1] / 2)]]


def split(pieces, which):
    """Return the pieces for which `which`, (n,) bool, is True, and the others."""
    return [[piece for piece, is_in in zip(pieces, some) if is_in] for some in (which, ~which)]


def set_large_apart(pieces):
    """Return the pieces that may be digits or parts of them, and those that are much larger than usual."""
    left, top, right, bottom = boxes_of(pieces)
    usual = find_usual(np.maximum(bottom - top, right - left), pieces)
    return split(pieces, (bottom - top < HEIGHT[1] * usual) & (right - left < MOST * usual))


def cut_into_rows(piece, digits):
    """Return the parts of a large piece in the rows of the digits beside it, which touch there, and what is left of it.

    Of a bracket, a long stroke or a drawing, whose parts are not as wide as digits are, there are none.
    """
    left, top, right, bottom = boxes_of(digits)
    height, middle = np.median(bottom - top), (top + bottom) / 2
    start, first, stop, last = box_of(piece)
    reach = MOST * height
    beside = (right > start - reach) & (left < stop + reach) & (middle > first) & (middle < last)
    if not beside.any():
        return [], [piece]
    middle = np.sort(middle[beside])
    rows = np.split(middle, np.flatnonzero(np.diff(middle) > ROW * height) + 1)
    distance = np.abs(piece[:, :1] - [row.mean() for row in rows])  # of each pixel from each row
    row = np.where(distance.min(axis=1) < ROW * height, distance.argmin(axis=1), len(rows))
    *parts, rest = (piece[row == k] for k in range(len(rows) + 1))
    widths = [np.ptp(part[:, 1]) / height for part in parts]
    if max(widths) > WIDE[0] or np.median(widths) < HEIGHT[0] * ASPECT:
        return [], [piece]
    return parts, [rest] if len(rest) else []


def list_pieces(mask):
    """Return the connected pieces of `mask` but grain, the longest first: the (n, 2) places of the pixels of each."""
    pieces = [piece.coords for piece in skimage.measure.regionprops(skimage.measure.label(mask, connectivity=2))]
    return sorted((piece for piece in pieces if longer_side(piece) > GRAIN), key=longer_side, reverse=True)


def cut_apart(digit, height, wide):
    """Return the parts of a digit and whether there are several: what is as wide as some digits is cut into as many.

    height: the usual one; wide: how wide, by it, several are. The cut is near the place where one should end, where
    there is least from top to bottom.
    """
    left, top, right, bottom = box_of(digit)
    height = max(height, bottom - top)
    number = round((right - left) / (ASPECT * height))
    if right - left < wide * height or number > MOST:
        return [(digit, number > MOST)]
    y, x = digit.T
    extent = np.ptp([find(y, x, np.arange(left, right)) for find in (scipy.ndimage.minimum, scipy.ndimage.maximum)], 0)
    cuts, reach = [left], round(OFF * height)
    for place in np.arange(1, number) * (right - left) // number - reach:
        cuts.append(left + place + np.argmin(extent[place : place + 2 * reach + 1]))
    return [(digit[(x >= start) & (x < stop)], True) for start, stop in zip(cuts, [*cuts[1:], right])]


def boxes_of(pieces):
    """Return left, top, right and bottom of the boxes around pieces, float (4, n)."""
    return np.array([box_of(piece) for piece in pieces], float).T


def join(pieces, number):
    """Return the pieces that have the same number, (n,), as one."""
    return [np.concatenate([pieces[i] for i in np.flatnonzero(number == k)]) for k in np.unique(number)]


def longer_side(places):
    """Return the longer side of the box around pixels."""
    return np.ptp(places, axis=0).max() + 1


def overlaps(first, last):
    """Return how long the part is that each two spans share, (n, n); where they share none, minus the gap."""
    return np.minimum.outer(last, last) - np.maximum.outer(first, first)


def measure_gaps(pieces):
    """Return how many pixels lie between each two pieces, (n, n); between their boxes where they are far apart."""
    left, top, right, bottom = boxes_of(pieces)
    gap = np.hypot(overlaps(top, bottom).clip(max=0), overlaps(left, right).clip(max=0))
    size = np.maximum(bottom - top, right - left)
    trees = [scipy.spatial.cKDTree(piece) for piece in pieces]
    for i, j in np.argwhere(np.triu(gap < np.maximum.outer(size, size), 1)):
        small, large = sorted((i, j), key=lambda k: len(pieces[k]))
        gap[i, j] = gap[j, i] = trees[large].query(pieces[small])[0].min() - 1
    return gap


def group_pieces(pieces):
    """Return the pieces in groups: from the largest on, each joins the nearest one before it, or begins a group.

    So a small piece joins one digit, and never links two. It joins what it nearly touches, or what it is above or
    below of; of two that stand side by side each is a digit, or a point.
    """
    gap = measure_gaps(pieces)
    left, top, right, bottom = boxes_of(pieces)
    width, height = right - left, bottom - top
    above = overlaps(left, right) > np.minimum.outer(width, width) / 2
    above &= np.minimum.outer(height, height) < LOW * np.maximum.outer(height, height)
    number = np.arange(len(pieces))
    for i in range(1, len(pieces)):
        nearest = gap[i, :i].argmin()
        reach = NEAR if above[i, nearest] else TOUCHING
        if gap[i, nearest] < reach * longer_side(pieces[nearest]):
            number[i] = number[nearest]
    return join(pieces, number)


def choose_digits(groups, shape):
    """Return the groups that are digits, and those that are left out.

    Left out are dashes, what is much lower than usual, and what the frame has cut off a row above or below.
    """
    left, top, right, bottom = boxes_of(groups)
    height = bottom - top
    good = height > HEIGHT[0] * np.median(height[height >= find_usual(height, groups)])  # of digits, not of commas
    whole = good & (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    beside = (overlaps(top, bottom) > height[:, None] / 2)[:, whole].any(axis=1)
    good &= whole | beside | ~whole.any()
    return split(groups, good)


def sort_by_rows(groups):
    """Return in what order groups are read. A row is followed from each digit to the next, so it may slope or bend."""
    left, top, right, bottom = boxes_of(groups)
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    ahead, down = x - x[:, None], np.abs(y - y[:, None])
    tallness = np.maximum(np.minimum.outer(height, height), np.median(height))
    distance = np.where((ahead > 0) & (down < ROW * tallness), ahead + 2 * down, np.inf)
    follower = np.where(np.isfinite(distance).any(axis=1), distance.argmin(axis=1), np.arange(len(x)))
    count, row = scipy.sparse.csgraph.connected_components(np.eye(len(x))[follower], directed=False)
    rows = sorted(range(count), key=lambda k: y[row == k].mean())
    return [i for k in rows for i in sorted(np.flatnonzero(row == k), key=lambda i: x[i])]

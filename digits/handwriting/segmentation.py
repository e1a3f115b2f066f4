"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

import itertools
from typing import NamedTuple

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

from digits.handwriting.ink import SPECK, find_ink
from digits.handwriting.normalization import center_by_mass, normalize_stroke
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
    """Find the `Digits` in a PIL image, none where there is no ink.

    single: the image is known to show one digit, the largest; what lies near belongs to it, at its side too.
    """
    ink, faint, rulings = find_ink(np.asarray(image.convert("L"), np.float32) / 255)
    digits, touching = find_parts(list_pieces(ink), ink.shape, single)
    for digit in digits:
        ink[tuple(digit.T)] = False
    least = SPECK * np.median([len(digit) for digit in digits] or 0)
    others = rulings + list_pieces(ink) + [piece for piece in list_pieces(faint) if len(piece) > least]
    height, width = ink.shape
    boxes, dropped = boxes_of(digits).T, boxes_of(others).T
    stretched = height == width and np.array_equal(boxes, [[0, 0, width, height]])  # to a square, as scans may be
    images = [center_by_mass(normalize_stroke(digit, ASPECT if stretched else 1)) for digit in digits]
    images = np.array(images, np.uint8).reshape(-1, 28, 28)
    scale = np.array([image.width / width, image.height / height] * 2)
    return Digits(boxes * scale, images, np.array(touching, bool), dropped * scale)


def find_parts(pieces, shape, single):
    """Return the digits that pieces of ink make up, in order, and which of them touch.

    A piece or a digit is the (n, 2) places of its pixels; shape: of the image; single: see `find_digits`.
    """
    if not pieces:
        return [], []
    ink = np.array([len(piece) for piece in pieces])
    pieces = list(itertools.compress(pieces, ink > SPECK * find_usual(ink, pieces)))
    if single:
        mask = draw(np.concatenate(pieces), shape)
        near = scipy.ndimage.distance_transform_edt(~mask) < NEAR / 2 * np.ptp(pieces[0], axis=0).max()
        groups = skimage.measure.regionprops(skimage.measure.label(near) * mask)
        return [max(groups, key=lambda group: group.area).coords], [False]
    left, top, right, bottom = boxes_of(pieces)
    usual = find_usual(np.maximum(bottom - top, right - left), pieces)
    large = (bottom - top >= HEIGHT[1] * usual) | (right - left >= MOST * usual)
    digits = choose_digits(group_pieces(list(itertools.compress(pieces, ~large))), shape)
    height, width = np.median([np.ptp(digit, axis=0) for digit in digits], axis=0)
    wide = np.inf if width > height and len(digits) >= ON_ITS_SIDE else WIDE[len(digits) == 1]
    parts = [part for digit in digits for part in cut_apart(digit, height, wide)]
    for piece in itertools.compress(pieces, large):
        parts += [(row, True) for row in cut_into_rows(piece, digits)]
    order = sort_by_rows([digit for digit, _ in parts])
    return zip(*(parts[i] for i in order))


def find_usual(sizes, pieces):
    """Return the median of the pieces' sizes, weighted by their ink: what most of the ink is decides."""
    return np.median(np.repeat(sizes, [len(piece) for piece in pieces]))


def cut_into_rows(piece, digits):
    """Return the parts of a large piece in the rows of the digits beside it; none if they are not as wide as digits."""
    left, top, right, bottom = boxes_of(digits)
    height, middle = np.median(bottom - top), (top + bottom) / 2
    start, first, stop, last = boxes_of([piece])[:, 0]
    beside = (right > start - MOST * height) & (left < stop + MOST * height) & (middle > first) & (middle < last)
    if not beside.any():
        return []
    middle = np.sort(middle[beside])
    rows = np.split(middle, np.flatnonzero(np.diff(middle) > ROW * height) + 1)
    distance = np.abs(piece[:, :1] - [row.mean() for row in rows])  # of each pixel from each row
    nearest = distance.argmin(axis=1)
    parts = [piece[(nearest == k) & (distance[:, k] < ROW * height)] for k in range(len(rows))]
    widths = [np.ptp(part[:, 1]) / height for part in parts]
    return parts if max(widths) <= WIDE[0] and np.median(widths) >= HEIGHT[0] * ASPECT else []


def list_pieces(mask):
    """Return the connected pieces of `mask` but grain, the longest first: the (n, 2) places of the pixels of each."""
    pieces = skimage.measure.regionprops(skimage.measure.label(mask, connectivity=2))
    pieces = sorted(pieces, key=lambda piece: max(piece.image.shape), reverse=True)
    return [piece.coords for piece in pieces if max(piece.image.shape) > GRAIN]


def cut_apart(digit, height, wide):
    """Return the parts of a digit and whether there are several: what is as wide as some digits is cut into as many.

    Each cut is near where a digit should end, where it is lowest. height: the usual one; wide: what is wider is more.
    """
    left, top, right, bottom = boxes_of([digit]).astype(int)[:, 0]
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
    boxes = [(*piece.min(axis=0)[::-1], *piece.max(axis=0)[::-1] + 1) for piece in pieces]
    return np.array(boxes, float).reshape(-1, 4).T


def overlaps(first, last):
    """Return how long the part is that each two spans share, (n, n); where they share none, minus the gap."""
    return np.minimum.outer(last, last) - np.maximum.outer(first, first)


def group_pieces(pieces):
    """Return the pieces in groups: from the largest on, each joins the nearest one before it, or begins a group.

    So a small piece never links two digits. It joins what it nearly touches, or what it is above or below of.
    """
    left, top, right, bottom = boxes_of(pieces)
    width, height = right - left, bottom - top
    size, across, down = np.maximum(width, height), overlaps(left, right), overlaps(top, bottom)
    above = across > np.minimum.outer(width, width) / 2
    above &= np.minimum.outer(height, height) < LOW * np.maximum.outer(height, height)
    gap = np.hypot(across.clip(max=0), down.clip(max=0))  # between boxes, and where they are near between pixels
    trees = [scipy.spatial.cKDTree(piece) for piece in pieces]
    number = np.arange(len(pieces))
    for i in range(1, len(pieces)):
        for j in np.flatnonzero(gap[i, :i] < size[:i]):
            gap[i, j] = trees[j].query(pieces[i])[0].min() - 1
        nearest = gap[i, :i].argmin()
        if gap[i, nearest] < (NEAR if above[i, nearest] else TOUCHING) * size[nearest]:
            number[i] = number[nearest]
    return [np.concatenate([pieces[i] for i in np.flatnonzero(number == k)]) for k in np.unique(number)]


def choose_digits(groups, shape):
    """Return the groups that are digits: not dashes, nor what the frame has cut off a row above or below."""
    left, top, right, bottom = boxes_of(groups)
    height = bottom - top
    good = height > HEIGHT[0] * np.median(height[height >= find_usual(height, groups)])  # of digits, not of commas
    whole = good & (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    beside = (overlaps(top, bottom) > height[:, None] / 2)[:, whole].any(axis=1)
    good &= whole | beside | ~whole.any()
    return list(itertools.compress(groups, good))


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

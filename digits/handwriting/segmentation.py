"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

from typing import NamedTuple

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

from digits.handwriting.ink import SPECK, find_ink
from digits.handwriting.normalization import box_of, center_by_mass, normalize_stroke, reopen_holes
from digits.handwriting.rulings import draw

REPEATED = 4, 100  # pixels: the sides of scans whose enlargement by repetition is undone
MARGIN = 8  # pixels: so far around a digit its ink is looked at, and what is shorter is grain
NEAR = 0.25  # of a digit's size: so near are its parts, one above the other; anywhere, if there is only one digit
TOUCHING = 0.07  # of a digit's size: so near are its parts wherever they are
LOW = 0.85  # of the taller one's height: of two pieces above each other, a taller one is a digit of the next row
LEAST_HEIGHT = 0.5  # of a digit's usual height: no digit is lower
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

    single: the image is known to show one digit; whatever lies near its largest piece belongs to it.
    Returns `Digits`, none where there is no ink.
    """
    grey = np.asarray(image.convert("L"), np.float32) / 255
    scan = undo_repetition(grey)
    darkness, digits, touching, dropped = find_parts(scan, grey.shape, single)
    square = darkness.shape[0] == darkness.shape[1]
    if len(digits) == 1 and square and box_of(digits[0]) == (0, 0, *darkness.shape):  # stretched: of unknown aspect
        darkness, digits, touching, dropped = find_parts(scan, (grey.shape[0], ASPECT * grey.shape[1]), single)
    scale = np.array([image.width / darkness.shape[1], image.height / darkness.shape[0]] * 2)
    images = [center_by_mass(normalize_stroke(reopen_holes(*cut_out(digit, darkness)))) for digit in digits]
    boxes, others = (np.array([box_of(part) for part in some]).reshape(-1, 4) for some in (digits, dropped))
    images = np.array(images, np.uint8).reshape(-1, 28, 28)
    return Digits(boxes * scale, images, np.array(touching, bool), others * scale)


def find_parts(scan, shape, single):
    """Return how dark a scan is, the digits in order, whether each touches another, and what is left out.

    Arguments: see `find_ink` and `find_digits`. A digit, like any part of the ink, is the (n, 2) places of its pixels.
    """
    darkness, mask, faint, others = find_ink(scan, shape)
    pieces = list_pieces(mask)
    least = SPECK * max(map(len, pieces), default=0)
    others += [piece for piece in list_pieces(faint) if len(piece) > least]
    others += [piece for piece in pieces if len(piece) <= least]
    pieces = [piece for piece in pieces if len(piece) > least]
    if not pieces:
        return darkness, [], [], others
    if single:
        (digit, *dropped) = group_around_largest(pieces)
        return darkness, [digit], [False], dropped + others
    digits, dropped = choose_digits(group_pieces(pieces), mask.shape)
    digits = sort_by_rows(digits)
    height, width = np.median([np.ptp(digit, axis=0) for digit in digits], axis=0)
    if width > height and len(digits) >= ON_ITS_SIDE:
        return darkness, digits, [False] * len(digits), dropped + others
    one_of_several, the_only_one = WIDE
    wide = the_only_one if len(digits) == 1 else one_of_several
    return darkness, *zip(*(part for digit in digits for part in cut_apart(digit, height, wide))), dropped + others


def list_pieces(mask):
    """Return the connected pieces of `mask` but grain, the longest first: the (n, 2) places of the pixels of each."""
    pieces = [piece.coords for piece in skimage.measure.regionprops(skimage.measure.label(mask, connectivity=2))]
    return sorted((piece for piece in pieces if longer_side(piece) > MARGIN), key=longer_side, reverse=True)


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


def cut_out(digit, darkness):
    """Return a digit's mask, and how dark the image is there."""
    left, top, right, bottom = box_of(digit)
    part = np.s_[max(top - MARGIN, 0) : bottom + MARGIN, max(left - MARGIN, 0) : right + MARGIN]
    return draw(digit, darkness.shape)[part], darkness[part]


def undo_repetition(grey):
    """Undo an enlargement by mere repetition of pixels, of an 8x8 scan say: its steps are no part of the strokes."""
    least, most = REPEATED
    for axis in (0, 1):
        size = grey.shape[axis]
        changes = np.flatnonzero(np.diff(grey, axis=axis).any(axis=1 - axis)) + 1  # rows unlike the one before
        for n in range(least, min(size // 2, most) + 1):
            steps = np.arange(1, n) * size / n - 0.5  # where rows change if n rows became `size`
            if any(np.isin(changes, rounded).all() for rounded in (np.ceil(steps), np.floor(steps) + 1)):
                grey = grey.take(np.append(0, np.floor(steps) + 1).astype(int), axis)
                break
    return grey


def longer_side(places):
    """Return the longer side of the box around pixels."""
    return np.ptp(places, axis=0).max() + 1


def overlaps(first, last):
    """Return how long the part is that each two spans share, (n, n); where they share none, minus the gap."""
    return np.minimum.outer(last, last) - np.maximum.outer(first, first)


def measure_gaps(pieces):
    """Return how many pixels lie between each two pieces, (n, n); between their boxes where they are far apart."""
    left, top, right, bottom = np.array([box_of(piece) for piece in pieces], float).T
    gap = np.hypot(overlaps(top, bottom).clip(max=0), overlaps(left, right).clip(max=0))
    size = np.maximum(bottom - top, right - left)
    trees = [scipy.spatial.cKDTree(piece) for piece in pieces]
    for i, j in np.argwhere(np.triu(gap < np.maximum.outer(size, size), 1)):
        small, large = sorted((i, j), key=lambda k: len(pieces[k]))
        gap[i, j] = gap[j, i] = trees[large].query(pieces[small])[0].min() - 1
    return gap


def group_around_largest(pieces):
    """Return the one digit, the largest piece and, by and by, what is near, dashes or a bar; then the pieces left."""
    gap = measure_gaps(pieces)
    near = np.arange(len(pieces)) == np.argmax([len(piece) for piece in pieces])
    while True:
        digit = np.concatenate([piece for piece, which in zip(pieces, near) if which])
        nearer = gap[near].min(axis=0) < NEAR * longer_side(digit)
        if (nearer == near).all():
            return [digit, *(piece for piece, which in zip(pieces, near) if not which)]
        near = nearer


def group_pieces(pieces):
    """Return the pieces in groups: from the largest on, each joins the nearest one before it, or begins a group.

    So a small piece joins one digit, and never links two. It joins what it nearly touches, or what it is above or
    below of; of two that stand side by side each is a digit, or a point.
    """
    gap = measure_gaps(pieces)
    left, top, right, bottom = np.array([box_of(piece) for piece in pieces], float).T
    width, height = right - left, bottom - top
    above = overlaps(left, right) > np.minimum.outer(width, width) / 2
    above &= np.minimum.outer(height, height) < LOW * np.maximum.outer(height, height)
    number = np.arange(len(pieces))
    for i in range(1, len(pieces)):
        nearest = gap[i, :i].argmin()
        reach = NEAR if above[i, nearest] else TOUCHING
        if gap[i, nearest] < reach * longer_side(pieces[nearest]):
            number[i] = number[nearest]
    return [np.concatenate([pieces[i] for i in np.flatnonzero(number == k)]) for k in np.unique(number)]


def choose_digits(groups, shape):
    """Return the groups that are digits, and those that are left out.

    Left out are dashes, what is much lower than usual, and what the frame has cut off a row above or below.
    """
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    height = bottom - top
    good = height > LEAST_HEIGHT * np.median(height[height > LEAST_HEIGHT * height.max()])
    whole = good & (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    beside = (overlaps(top, bottom) > height[:, None] / 2)[:, whole].any(axis=1)
    good &= whole | beside | ~whole.any()
    return [[group for group, which in zip(groups, some) if which] for some in (good, ~good)]


def sort_by_rows(groups):
    """Return groups in reading order. A row is followed from each digit to the next, so it may slope or bend."""
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    ahead, down = x - x[:, None], np.abs(y - y[:, None])
    tallness = np.maximum(np.minimum.outer(height, height), np.median(height))
    distance = np.where((ahead > 0) & (down < ROW * tallness), ahead + 2 * down, np.inf)
    follower = np.where(np.isfinite(distance).any(axis=1), distance.argmin(axis=1), np.arange(len(x)))
    count, row = scipy.sparse.csgraph.connected_components(np.eye(len(x))[follower], directed=False)
    rows = sorted(range(count), key=lambda k: y[row == k].mean())
    return [groups[i] for k in rows for i in sorted(np.flatnonzero(row == k), key=lambda i: x[i])]

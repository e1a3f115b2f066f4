"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

from typing import NamedTuple

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

from digits.handwriting.ink import SPECK, find_ink
from digits.handwriting.normalization import bounding_box, center_by_mass, match_mnist, normalize_stroke, reopen_holes
from digits.handwriting.rulings import longer_side

REPEATED = 4, 100  # pixels: the sides of scans whose enlargement by repetition is undone
MARGIN = 8  # pixels: so far around a digit its ink is looked at, and what is shorter is grain
NEAR = 0.25  # of a digit's size: so near are its parts, one above the other; anywhere, if there is only one digit
TOUCHING = 0.07  # of a digit's size: so near are its parts wherever they are
LOW = 0.85  # of the taller one's height: of two pieces above each other, a taller one is a digit of the next row
DASH = 2.5  # times its height: no digit is wider
LEAST_SIZE = 0.5  # of a digit's usual size: no digit is smaller
WIDE = 1.3  # times its height: a digit that is wider may be two
ASPECT = 0.8  # width of a digit by its height: the median of the MNIST images that the networks are trained on
ROW = 0.6  # of a digit's height: the next one in its row is no higher or lower


class Digits(NamedTuple):
    """The digits found in an image, row by row from the top, each row from left to right. Boxes are in its pixels."""

    boxes: np.ndarray  # (n, 4): left, top, right, bottom
    images: np.ndarray  # (n, 28, 28) uint8, like MNIST's
    wide: np.ndarray  # (n,) bool: may be two digits that touch
    dropped: np.ndarray  # (m, 4): what may be ink too, and is in no digit


def find_digits(image, single=False):
    """Find the digits in a PIL image.

    single: the image is known to show one digit; whatever lies near its largest piece belongs to it.
    Returns `Digits`, none where there is no ink.
    """
    grey = np.asarray(image.convert("L"), np.float32) / 255
    scan = undo_repetition(grey)
    ready = match_mnist(scan)
    if ready is not None:
        box = np.array([bounding_box(ready > 0)]) * np.array(image.size * 2) / 28
        return Digits(box, ready[None], np.array([False]), np.empty((0, 4)))
    darkness, labels, groups, dropped = find_groups(scan, grey.shape, single)
    square = darkness.shape[0] == darkness.shape[1]
    if len(groups) == 1 and square and box_of(groups[0]) == (0, 0, *darkness.shape):  # stretched: of unknown aspect
        darkness, labels, groups, dropped = find_groups(scan, (grey.shape[0], ASPECT * grey.shape[1]), single)
    scale = np.array([image.width / darkness.shape[1], image.height / darkness.shape[0]] * 2)
    images = []
    for group in groups:
        left, top, right, bottom = box_of(group)
        part = np.s_[max(top - MARGIN, 0) : bottom + MARGIN, max(left - MARGIN, 0) : right + MARGIN]
        digit = np.isin(labels[part], [piece.label for piece in group])
        images.append(center_by_mass(normalize_stroke(reopen_holes(digit, darkness[part]))))
    boxes, others = (np.array([box_of(group) for group in some]).reshape(-1, 4) for some in (groups, dropped))
    wide = (boxes[:, 2] - boxes[:, 0] > WIDE * (boxes[:, 3] - boxes[:, 1])) & (not single)
    return Digits(boxes * scale, np.array(images, np.uint8).reshape(-1, 28, 28), wide, others * scale)


def find_groups(scan, shape, single):
    """Return how dark a scan is, the numbers of its pieces (h, w), the digits in order, and what is left out.

    Arguments: see `find_ink` and `find_digits`; a digit, like what is left out, is a list of pieces.
    """
    darkness, mask = find_ink(scan, shape)
    labels = skimage.measure.label(mask, connectivity=2)
    pieces = sorted(skimage.measure.regionprops(labels), key=longer_side, reverse=True)
    largest = max((piece.area for piece in pieces), default=0)
    pieces = [piece for piece in pieces if piece.area > SPECK * largest and longer_side(piece) > MARGIN]
    if not pieces:
        return darkness, labels, [], []
    groups, dropped = group_around_largest(pieces) if single else choose_digits(group_pieces(pieces), mask.shape)
    return darkness, labels, sort_by_rows(groups), dropped


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


def box_of(group):
    """Return left, top, right and bottom of a group of regions."""
    boxes = np.array([piece.bbox for piece in group])
    return (*boxes[:, [1, 0]].min(axis=0), *boxes[:, [3, 2]].max(axis=0))


def overlaps(first, last):
    """Return how long the part is that each two spans share, (n, n); where they share none, minus the gap."""
    return np.minimum.outer(last, last) - np.maximum.outer(first, first)


def measure_gaps(pieces):
    """Return how many pixels lie between each two pieces, (n, n); between their boxes where they are far apart."""
    top, left, bottom, right = np.array([piece.bbox for piece in pieces], float).T
    gap = np.hypot(overlaps(top, bottom).clip(max=0), overlaps(left, right).clip(max=0))
    size = np.maximum(bottom - top, right - left)
    trees = [scipy.spatial.cKDTree(piece.coords) for piece in pieces]
    for i, j in np.argwhere(np.triu(gap < np.maximum.outer(size, size), 1)):
        small, large = sorted((i, j), key=lambda k: pieces[k].area)
        gap[i, j] = gap[j, i] = trees[large].query(pieces[small].coords)[0].min() - 1
    return gap


def group_around_largest(pieces):
    """Return the one digit, the largest piece and, by and by, what is near, dashes or a bar; and the pieces left."""
    gap = measure_gaps(pieces)
    near = [np.argmax([piece.area for piece in pieces])]
    while True:
        group = [pieces[i] for i in near]
        left, top, right, bottom = box_of(group)
        near = np.flatnonzero(gap[near].min(axis=0) < NEAR * max(right - left, bottom - top))
        if len(near) == len(group):
            return [group], [[piece] for piece in pieces if piece not in group]


def group_pieces(pieces):
    """Return the pieces in groups: from the largest on, each joins the nearest one before it, or begins a group.

    So a small piece joins one digit, and never links two. It joins what it nearly touches, or what it is above or
    below of; of two that stand side by side each is a digit, or a point.
    """
    gap = measure_gaps(pieces)
    top, left, bottom, right = np.array([piece.bbox for piece in pieces], float).T
    width, height = right - left, bottom - top
    above = overlaps(left, right) > np.minimum.outer(width, width) / 2
    above &= np.minimum.outer(height, height) < LOW * np.maximum.outer(height, height)
    number = np.arange(len(pieces))
    for i in range(1, len(pieces)):
        nearest = gap[i, :i].argmin()
        reach = NEAR if above[i, nearest] else TOUCHING
        if gap[i, nearest] < reach * longer_side(pieces[nearest]):
            number[i] = number[nearest]
    return [[pieces[i] for i in np.flatnonzero(number == k)] for k in np.unique(number)]


def choose_digits(groups, shape):
    """Return the groups that are digits, and those that are left out.

    Left out are dashes, what is much smaller than usual, and what the frame has cut off a row above or below.
    """
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    width, height = right - left, bottom - top
    size = np.maximum(width, height)
    good = (width < DASH * height) | (len(groups) == 1)
    usual = np.median(size[good & (size > LEAST_SIZE * size[good].max(initial=0))]) if good.any() else 0
    good &= size > LEAST_SIZE * usual
    whole = good & (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    beside = (overlaps(top, bottom) > height[:, None] / 2)[:, whole].any(axis=1)
    good &= whole | beside | ~whole.any()
    return [[group for group, which in zip(groups, some) if which] for some in (good, ~good)]


def sort_by_rows(groups):
    """Return groups in reading order. A row is followed from each digit to the next, so it may slope or bend."""
    if len(groups) < 2:
        return groups
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    ahead, down = x - x[:, None], np.abs(y - y[:, None])
    tallness = np.maximum(np.minimum.outer(height, height), np.median(height))
    distance = np.where((ahead > 0) & (down < ROW * tallness), ahead + 2 * down, np.inf)
    follower = np.where(np.isfinite(distance).any(axis=1), distance.argmin(axis=1), np.arange(len(x)))
    count, row = scipy.sparse.csgraph.connected_components(np.eye(len(x))[follower], directed=False)
    rows = sorted(range(count), key=lambda k: y[row == k].mean())
    return [groups[i] for k in rows for i in sorted(np.flatnonzero(row == k), key=lambda i: x[i])]

"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

from typing import NamedTuple

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

from digits.handwriting.ink import CORE, ELSEWHERE, along_frame, find_ink, longer_side, touches
from digits.handwriting.normalization import bounding_box, center_by_mass, match_mnist, normalize_stroke, reopen_holes

MARGIN = 8  # pixels around a digit in which the ink is looked at
SPECK = 0.05  # of the largest piece's area: smaller ones belong to no digit
LEAST_SIZE = 0.4  # of a digit's usual length
LEAST_INK = 0.08  # of the area of the digit with the most ink
ASPECT = 0.8  # width of a digit by its height: the median of the MNIST images that the networks are trained on


class Digits(NamedTuple):
    """The digits found in an image, row by row from the top, each row from left to right. Boxes are in its pixels."""

    boxes: np.ndarray  # (n, 4): left, top, right, bottom
    images: np.ndarray  # (n, 28, 28) uint8, like MNIST's
    wide: np.ndarray  # (n,) bool: may be two digits that touch
    dropped: np.ndarray  # (m, 4): what may be a digit too, and was left out


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
    ink, labels, groups, dropped = find_groups(scan, grey.shape, single)
    square = ink.shape[0] == ink.shape[1]
    if len(groups) == 1 and square and box_of(groups[0]) == (0, 0, *ink.shape):  # stretched: of unknown aspect
        ink, labels, groups, dropped = find_groups(scan, (grey.shape[0], ASPECT * grey.shape[1]), single)
    scale = np.array([image.width / ink.shape[1], image.height / ink.shape[0]] * 2)
    images = []
    for group in groups:
        left, top, right, bottom = box_of(group)
        part = np.s_[max(top - MARGIN, 0) : bottom + MARGIN, max(left - MARGIN, 0) : right + MARGIN]
        digit = np.isin(labels[part], [piece.label for piece in group])
        images.append(center_by_mass(normalize_stroke(reopen_holes(digit, ink[part]))))
    boxes, others = (np.array([box_of(group) for group in some]).reshape(-1, 4) for some in (groups, dropped))
    wide = (boxes[:, 2] - boxes[:, 0] > 1.3 * (boxes[:, 3] - boxes[:, 1])) & (not single)
    return Digits(boxes * scale, np.array(images, np.uint8).reshape(-1, 28, 28), wide, others * scale)


def find_groups(scan, shape, single):
    """Return the ink of a scan, the numbers of its pieces (h, w), the digits in order, and what is left out.

    Arguments: see `find_ink` and `find_digits`; a digit is a list of pieces.
    """
    ink, mask = find_ink(scan, shape)
    labels, pieces = find_pieces(mask, ink)
    if not pieces:
        return ink, labels, [], []
    groups, dropped = ([group_single(pieces)], []) if single else group_pieces(pieces, mask.shape)
    return ink, labels, sort_by_rows(groups), dropped


def undo_repetition(grey):
    """Undo an enlargement by mere repetition of pixels, of an 8x8 scan say: its steps are no part of the strokes."""
    for axis in (0, 1):
        size = grey.shape[axis]
        changes = np.flatnonzero(np.diff(grey, axis=axis).any(axis=1 - axis)) + 1  # rows unlike the one before
        for n in range(4, min(size // 2, 100) + 1):
            steps = np.arange(1, n) * size / n - 0.5  # where rows change if n rows became `size`
            if any(np.isin(changes, rounded).all() for rounded in (np.ceil(steps), np.floor(steps) + 1)):
                grey = grey.take(np.append(0, np.floor(steps) + 1).astype(int), axis)
                break
    return grey


def find_pieces(mask, ink):
    """Return the pieces of ink, numbered (h, w), and as a list of scikit-image's regions, without grain and shadows.

    A shadow is what lies along the frame, unless nearly all the ink does.
    """
    labels = skimage.measure.label(mask, connectivity=2)
    pieces = skimage.measure.regionprops(labels, ink)
    shadows = along_frame(mask)
    inner = [piece for piece in pieces if not shadows[tuple(piece.coords[0])]]
    if sum(piece.area for piece in inner) > ELSEWHERE * np.sum(mask):
        pieces = inner
    if not pieces:
        return labels, []
    largest = max(pieces, key=lambda piece: piece.area)
    at_frame = 0.01 if touches(largest, mask.shape) else 0.3  # less of the largest there is the rest of a shadow
    strength, longest = np.median(ink[mask]), max(map(longer_side, pieces))
    return labels, [
        piece
        for piece in pieces
        if piece.intensity_max > CORE * strength
        and longer_side(piece) > max(2, 0.05 * longest)
        and piece.area > (at_frame if touches(piece, mask.shape) else 0.01) * largest.area
    ]


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
    size = np.array([longer_side(piece) for piece in pieces])
    trees = [scipy.spatial.cKDTree(piece.coords) for piece in pieces]
    for i, j in np.argwhere(np.triu(gap < 0.5 * np.maximum.outer(size, size), 1)):
        small, large = sorted((i, j), key=lambda k: pieces[k].area)
        gap[i, j] = gap[j, i] = trees[large].query(pieces[small].coords)[0].min() - 1
    return gap


def group_single(pieces):
    """Return the one digit, a list of pieces: the largest and, by and by, what is near: dashes, a bar."""
    gap, area = measure_gaps(pieces), np.array([piece.area for piece in pieces])
    near = [area.argmax()]
    while True:
        group = [pieces[i] for i in near]
        left, top, right, bottom = box_of(group)
        reach = 0.4 * max(right - left, bottom - top)
        near = np.flatnonzero((gap[near].min(axis=0) < reach) & (area > SPECK * area.max()))
        if len(near) == len(group):
            return group


def group_pieces(pieces, shape):
    """Return the digits, each a list of pieces, and likewise what may be digits and is left out.

    A low piece belongs to the tall one near it; pieces of one height are separate digits, unless they nearly touch.
    """
    largest = max(piece.area for piece in pieces)
    pieces = [piece for piece in pieces if piece.area > SPECK * largest]
    top, left, bottom, right = np.array([piece.bbox for piece in pieces], float).T
    width, height = right - left, bottom - top
    size = np.maximum(width, height)
    low, tall = np.minimum.outer(height, height), np.maximum.outer(height, height)
    stacked = overlaps(left, right) > 0.5 * np.minimum.outer(width, width)
    allowed = np.where(low < 0.6 * tall, 0.25, np.where(stacked & (low < 0.85 * tall), 0.2, 0.07))
    joined = measure_gaps(pieces) < allowed * np.maximum.outer(size, size)
    count, number = scipy.sparse.csgraph.connected_components(joined)
    groups = [[pieces[i] for i in np.flatnonzero(number == k)] for k in range(count)]
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    width, height = right - left, bottom - top
    size = np.maximum(width, height)
    area = np.array([sum(piece.area for piece in group) for group in groups])
    dash = width >= 2.5 * height
    cloud = np.array([max(piece.area for piece in group) for group in groups]) <= 0.5 * area  # of specks
    good = (~dash | (count == 1)) & ~cloud
    good &= area > LEAST_INK * area[good].max(initial=0)
    usual = np.median(size[good & (size > LEAST_SIZE * size[good].max(initial=0))]) if good.any() else 0
    good &= size > LEAST_SIZE * usual
    edge = np.array([any(touches(piece, shape) for piece in group) for group in groups])
    alone = ~(overlaps(top, bottom) > 0.5 * height[:, None])[:, good & ~edge].any(axis=1)
    cut = good & edge & alone & (good & ~edge).any()  # cut off: at the frame, in a row of its own
    unsure = cut | (~good & ~dash & ~cloud & (size > LEAST_SIZE * usual) & (area > LEAST_INK * area.max()))
    return [[group for group, which in zip(groups, some) if which] for some in (good & ~cut, unsure)]


def sort_by_rows(groups):
    """Return groups in reading order. A row is followed from each digit to the next, so it may slope or bend."""
    if len(groups) < 2:
        return groups
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    after = follow_rows(x, y, height)
    step = x[after] - x
    slope = np.median((y[after] - y)[step > 0] / step[step > 0]) if step.any() else 0
    level = y - slope * x
    links = np.eye(len(groups))[follow_rows(x, level, height)]
    count, row = scipy.sparse.csgraph.connected_components(links, directed=False)
    rows = sorted(range(count), key=lambda k: level[row == k].mean())
    return [groups[i] for k in rows for i in sorted(np.flatnonzero(row == k), key=lambda i: x[i])]


def follow_rows(x, y, height):
    """Return the number of each digit's neighbour to the right in the same row, (n,); a row's last has its own."""
    right, down = x - x[:, None], np.abs(y - y[:, None])
    tallness = np.maximum(np.minimum.outer(height, height), np.median(height))
    ahead = (right > 0) & (down < 0.6 * tallness)
    distance = np.where(ahead, right + 2 * down, np.inf)
    return np.where(ahead.any(axis=1), distance.argmin(axis=1), np.arange(len(x)))

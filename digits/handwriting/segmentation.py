"""From the ink to the digits in it: its pieces, which of them make up one digit, and in what order they are read."""

from typing import NamedTuple

import numpy as np

from digits.handwriting.ink import ELSEWHERE, along_frame, find_ink, longer_side, touches
from digits.handwriting.normalization import bounding_box, center_by_mass, match_mnist, normalize_stroke, reopen_holes

MARGIN = 8  # pixels around a digit in which the ink is looked at
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
    if len(groups) == 1 and fills_square(groups[0], ink.shape):  # stretched to its frame: of unknown aspect
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
    groups, dropped = (group_single(pieces), []) if single else group_pieces(pieces, mask.shape)
    return ink, labels, sort_by_rows(groups), dropped


def fills_square(group, shape):
    """Return whether a digit fills a square image from each side to the opposite one, which few digits do by nature."""
    left, top, right, bottom = box_of(group)
    return shape[0] == shape[1] and (left, top) == (0, 0) and (right, bottom) == shape


def undo_repetition(grey):
    """Undo an enlargement by mere repetition of pixels, as of an 8x8 scan: its steps are no part of the strokes."""
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

    A shadow lies along the frame: its contact with it is as long as it is. If nearly all the ink does, it is no shadow.
    """
    from skimage.measure import label, regionprops

    labels = label(mask, connectivity=2)
    pieces = regionprops(labels, ink)
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
        if piece.intensity_max > 0.4 * strength
        and longer_side(piece) > max(2, 0.05 * longest)
        and piece.area > (at_frame if touches(piece, mask.shape) else 0.01) * largest.area
    ]


def box_of(group):
    """Return left, top, right and bottom of a group of regions."""
    boxes = np.array([piece.bbox for piece in group])
    return (*boxes[:, [1, 0]].min(axis=0), *boxes[:, [3, 2]].max(axis=0))


def measure_gaps(pieces):
    """Return how many pixels lie between each two pieces, (n, n); between their boxes where they are far apart."""
    from scipy.spatial import cKDTree

    top, left, bottom, right = np.array([piece.bbox for piece in pieces], float).T
    down = np.maximum(np.maximum.outer(top, top) - np.minimum.outer(bottom, bottom), 0)
    across = np.maximum(np.maximum.outer(left, left) - np.minimum.outer(right, right), 0)
    gap = np.hypot(down, across)
    size = np.array([longer_side(piece) for piece in pieces])
    trees = {}
    for i, j in np.argwhere(np.triu(gap < 0.5 * np.maximum.outer(size, size), 1)):
        small, large = sorted((i, j), key=lambda k: pieces[k].area)
        if large not in trees:
            trees[large] = cKDTree(pieces[large].coords)
        gap[i, j] = gap[j, i] = trees[large].query(pieces[small].coords)[0].min() - 1
    return gap


def group_single(pieces):
    """Return the one digit, a list with a list of pieces: the largest and, by and by, what is near: dashes, a bar."""
    if not pieces:
        return []
    gap = measure_gaps(pieces)
    main = max(range(len(pieces)), key=lambda i: pieces[i].area)
    group = [main]
    while True:
        left, top, right, bottom = box_of([pieces[i] for i in group])
        reach = 0.4 * max(right - left, bottom - top)
        near = [
            i
            for i in set(range(len(pieces))) - set(group)
            if gap[i, group].min() < reach and pieces[i].area > 0.05 * pieces[main].area
        ]
        if not near:
            return [[pieces[i] for i in group]]
        group += near


def group_pieces(pieces, shape):
    """Return the digits, each a list of pieces, and likewise what may be digits and is left out.

    A low piece belongs to the tall one near it; pieces of a height are digits of their own, unless they nearly touch.
    """
    from scipy.sparse.csgraph import connected_components

    largest = max((piece.area for piece in pieces), default=0)
    pieces = [piece for piece in pieces if piece.area > 0.05 * largest]
    if not pieces:
        return [], []
    top, left, bottom, right = np.array([piece.bbox for piece in pieces], float).T
    size = np.maximum(right - left, bottom - top)
    low, tall = (extreme.outer(bottom - top, bottom - top) for extreme in (np.minimum, np.maximum))
    shared = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    stacked = shared > 0.5 * np.minimum.outer(right - left, right - left)
    allowed = np.where(low < 0.6 * tall, 0.25, np.where(stacked & (low < 0.85 * tall), 0.2, 0.07))
    count, number = connected_components(measure_gaps(pieces) < allowed * np.maximum.outer(size, size))
    groups = [[pieces[i] for i in np.flatnonzero(number == k)] for k in range(count)]
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    width, height = right - left, bottom - top
    size, area = np.maximum(width, height), np.array([sum(piece.area for piece in group) for group in groups])
    main = np.array([max(piece.area for piece in group) for group in groups])
    good = ((width < 2.5 * height) | (count == 1)) & (main > 0.5 * area)  # no dash, no cloud of specks
    good &= area > 0.08 * area[good].max(initial=0)
    usual = np.median(size[good & (size > 0.4 * size[good].max(initial=0))]) if good.any() else 0
    good &= size > 0.4 * usual
    # At the frame, in a row of its own: cut off.
    edge = np.array([any(touches(piece, shape) for piece in group) for group in groups])
    overlap = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    alone = ~(overlap > 0.5 * height[:, None])[:, good & ~edge].any(axis=1)
    cut = good & edge & alone & (good & ~edge).any()
    unsure = cut | (
        ~good & (size > 0.4 * usual) & (main > 0.5 * area) & (area > 0.08 * area.max()) & (width < 2.5 * height)
    )
    return [[group for group, which in zip(groups, some) if which] for some in (good & ~cut, unsure)]


def sort_by_rows(groups):
    """Return groups in reading order. A row is followed from each digit to the next, so it may slope or bend."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if len(groups) < 2:
        return groups
    left, top, right, bottom = np.array([box_of(group) for group in groups], float).T
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    links = follow_rows(x, y, height)
    slope = np.median([(y[j] - y[i]) / (x[j] - x[i]) for i, j in links]) if links else 0
    level = y - slope * x
    links = follow_rows(x, level, height)
    matrix = coo_matrix((np.ones(len(links)), np.array(links, int).reshape(-1, 2).T), (len(groups),) * 2)
    count, row = connected_components(matrix, directed=False)
    rows = sorted(range(count), key=lambda k: level[row == k].mean())
    return [groups[i] for k in rows for i in sorted(np.flatnonzero(row == k), key=lambda i: x[i])]


def follow_rows(x, y, height):
    """Return pairs (digit, its neighbour to the right in the same row) of numbers; a row's last has none."""
    links = []
    for i in range(len(x)):
        right, down = x - x[i], np.abs(y - y[i])
        tallness = np.maximum(np.minimum(height, height[i]), np.median(height))
        ahead = np.flatnonzero((right > 0) & (down < 0.6 * tallness))
        if len(ahead):
            links.append((i, ahead[np.argmin((right + 2 * down)[ahead])]))
    return links

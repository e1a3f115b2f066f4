"""From an image to the digits in it: background removed, ink found, its pieces grouped, in reading order."""

import numpy as np

from digits.handwriting.normalization import (
    bounding_box,
    center_by_mass,
    match_mnist,
    normalize_stroke,
    reopen_holes,
)

WORKING = 200, 700  # least and largest longer side, in pixels, of the image that ink is looked for in


def find_digits(image, single=False):
    """Find the digits in a PIL image, row by row from the top, each row from left to right.

    single: the image is known to show one digit; whatever lies near its largest piece belongs to it.
    Returns boxes (n, 4), left, top, right and bottom in pixels of the image, and (n, 28, 28) uint8 images like
    MNIST's. n is 0 where there is no ink.
    """
    grey = np.asarray(image.convert("L"), np.float32) / 255
    scan = undo_repetition(grey)
    ready = match_mnist(scan)
    if ready is not None:
        return np.array([bounding_box(ready > 0)]) * np.array(image.size * 2) / 28, ready[None]
    ink, faintest = remove_background(resize_to_working_size(scan, grey.shape))
    groups = group_components(find_components(ink, faintest, 4 * max(ink.shape) / max(scan.shape)), single)
    scale = np.array([image.width / ink.shape[1], image.height / ink.shape[0]] * 2)
    boxes = [np.array(bounding_box(group)) * scale for group in groups]
    images = [center_by_mass(normalize_stroke(reopen_holes(group, ink))) for group in groups]
    return np.array(boxes).reshape(-1, 4), np.array(images, np.uint8).reshape(-1, 28, 28)


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


def resize_to_working_size(grey, shape):
    """Bring an image to the working size and to the aspect of `shape`, and take its grain out. float32 in [0, 1]."""
    from PIL import Image
    from scipy import ndimage

    working = np.clip(max(grey.shape), *WORKING)
    scale = working / max(grey.shape)
    size = [max(1, round(side * working / max(shape))) for side in shape[::-1]]
    grey = np.asarray(Image.fromarray(grey).resize(size, Image.BICUBIC if scale > 1 else Image.BOX))
    return np.clip(ndimage.gaussian_filter(grey, max(0.3 * scale, 0.8)), 0, 1)


def remove_background(grey):
    """Return how much darker than the paper around it each pixel is, and how dark the faintest ink can be.

    The first is float32, 0 is paper, 1 is black. The second is a number: where the light is uneven, what is left of
    a shadow's edge must not count as ink. Light ink on dark is turned round first. `grey` is as from
    `resize_to_working_size`.
    """
    from scipy import ndimage

    if np.mean((grey - local_percentile(grey, 50)) ** 3) > 0:  # ink is the rarer: most of what stands out is light
        grey = 1 + np.percentile(grey, 1) - grey  # so that paper is 1
    brightest = np.percentile(grey, 99)
    if np.mean(grey > brightest - 0.02) > 0.2:  # a scan's even page
        return np.maximum(brightest - grey, 0) / max(brightest, 0.05), 0.12
    # Paper is what is left when dark strokes are filled from their sides (a closing), but no brighter than usual here.
    reach = max(3, round(0.3 * max(grey.shape)))
    padded = np.pad(grey, reach, mode="maximum", stat_length=reach)
    filled = ndimage.grey_closing(padded, (reach, reach))[reach:-reach, reach:-reach]
    paper = np.maximum(np.minimum(filled, local_percentile(grey, 60)), 0.05)
    ink = (paper - grey) / paper
    return ink - np.median(ink), 0.28


def local_percentile(grey, percentile):
    """Return a percentile of the pixels around each pixel, in a window of half the image. Shaped like `grey`."""
    from PIL import Image
    from scipy import ndimage

    size = [max(3, round(32 * side / max(grey.shape))) for side in grey.shape[::-1]]
    small = np.asarray(Image.fromarray(grey).resize(size, Image.BOX))
    level = ndimage.percentile_filter(small, percentile, 15, mode="nearest")
    return np.asarray(Image.fromarray(level).resize(grey.shape[::-1], Image.BILINEAR))


def find_components(ink, faintest, speck):
    """Return the pieces of ink as a list of boolean masks shaped like `ink`.

    `ink` and `faintest` are as from `remove_background`.

    Ink is what is half as dark as the darkest nearby. Left out are specks, which are no longer than `speck` pixels,
    faint rulings, and shadows along the edge.
    """
    from scipy import ndimage

    noise = np.subtract(*np.percentile(ink, [25, 5]))
    darkest, floor = ink.max(), max(0.06, 4 * noise)
    if darkest < faintest:
        return []
    reach = max(3, max(ink.shape) // 12)
    nearby = ndimage.gaussian_filter(ndimage.maximum_filter(ink, reach), reach / 3)
    lowest = max(0.35 * darkest, min(floor, 0.5 * darkest))
    labels, count = ndimage.label(ink > np.clip(0.55 * nearby, lowest, 0.5 * darkest), np.ones((3, 3)))
    index = np.arange(1, count + 1)
    mass = ndimage.sum(ink, labels, index)
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    contact = np.bincount(rim, minlength=count + 1)[1:]
    length = np.array([max(part.stop - part.start for part in piece) for piece in ndimage.find_objects(labels)])
    good = (ndimage.maximum(ink, labels, index) > 0.6 * darkest) & (length > max(speck, 0.025 * max(ink.shape)))
    inside = good & (contact < 0.95 * length)
    if mass[inside].max(initial=0) > 0.2 * mass[good].max(initial=0):
        good = inside
    good &= mass > 0.08 * mass[good].max(initial=0)
    return [labels == label for label in index[good]]


def group_components(pieces, single=False):
    """Join the pieces of each digit, and order the digits as they are read. Masks -> masks, one per digit."""
    from scipy.ndimage import distance_transform_edt
    from scipy.sparse.csgraph import connected_components

    if not pieces:
        return []
    left, top, right, bottom = np.array([bounding_box(piece) for piece in pieces], float).T
    length = np.maximum(right - left, bottom - top)
    gap = np.array([[away[piece].min() for piece in pieces] for away in map(distance_transform_edt, np.invert(pieces))])
    if single:
        near = gap[length.argmax()] < 0.4 * length.max()
        return [np.any([piece for piece, belongs in zip(pieces, near) if belongs], axis=0)]
    # A low piece belongs to the tall one near it; pieces of a height are digits of their own unless they nearly touch.
    low, tall = (extreme.outer(bottom - top, bottom - top) for extreme in (np.minimum, np.maximum))
    shared = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    stacked = shared > 0.5 * np.minimum.outer(right - left, right - left)
    allowed = np.where(low < 0.6 * tall, 0.25, np.where(stacked, 0.12, 0.06))
    count, label = connected_components(gap < allowed * np.maximum.outer(length, length))
    digits = [np.any([piece for piece, which in zip(pieces, label) if which == i], axis=0) for i in range(count)]
    length = np.array([max(r - x, b - y) for x, y, r, b in map(bounding_box, digits)])
    return sort_by_rows([digit for digit, long in zip(digits, length) if long > 0.4 * length.max()])


def sort_by_rows(digits):
    """Sort masks into rows from top to bottom, and each row from left to right."""
    boxes = [bounding_box(digit) for digit in digits]
    rows = []
    for i in sorted(range(len(digits)), key=lambda i: boxes[i][1] + boxes[i][3]):
        if not rows or boxes[i][1] + boxes[i][3] > 2 * boxes[rows[-1][0]][3]:  # its middle is below the row's first
            rows.append([])
        rows[-1].append(i)
    return [digits[i] for row in rows for i in sorted(row, key=lambda i: boxes[i][0])]

"""From the mask of one digit to 28x28 as MNIST's authors made theirs: 20 pixels long, centred by its mass."""

import numpy as np
import scipy  # its modules load when they are first used
from PIL import Image

LENGTH = 20  # pixels of MNIST: the longer side of a digit
FINE = 4  # pixels per pixel of MNIST, at least, while a digit is redrawn
STROKE = 2.3, 2.8  # pixels of MNIST: thinner pens are made as wide as the first, thicker ones as the second
HOLES = 0.09, 0.05, 0.4  # of a digit's size, darkness, area: a hole is so much lighter than ink so near; what stays


def bounding_box(mask):
    """Return left, top, right and bottom of what is True in `mask`; right and bottom lie just outside."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def match_mnist(scan):
    """Return a scan (28, 28) that is as MNIST's authors made theirs already, or such a one dark on light; else None.

    In theirs, the centre of mass is within a pixel of the middle, and the ground is exactly 0. -> uint8
    """
    if scan.shape != (28, 28) or scan[0, 0] not in (0, 1):
        return None
    image = np.rint(255 * np.abs(scan - scan[0, 0])).astype(np.uint8)
    if not image.any():
        return None
    left, top, right, bottom = bounding_box(image > 0)
    off = np.abs(np.subtract(scipy.ndimage.center_of_mass(image), 13.5)).max()
    return image if max(right - left, bottom - top) == LENGTH and off < 1 else None


def reopen_holes(mask, darkness):
    """Return a digit's mask without what is lighter than the ink around it: the holes that a blur has nearly closed."""
    near, lighter, least = HOLES
    left, top, right, bottom = bounding_box(mask)
    level = scipy.ndimage.gaussian_filter(darkness, near * max(right - left, bottom - top))
    opened = mask & (darkness > level - lighter * darkness[mask].max())
    return opened if opened.sum() > least * mask.sum() else mask


def normalize_stroke(mask):
    """Draw the digit in `mask` anew with a pen as wide as MNIST's, into a box whose longer side is 20 pixels.

    Each pixel's distance from the edge of the ink tells whether a wider or a narrower pen would have covered it.
    Returns float32 in [0, 1], light on dark, at most (20, 20).
    """
    left, top, right, bottom = bounding_box(mask)
    fine = max(FINE, max(right - left, bottom - top) / LENGTH)  # never smaller: a thin pen would vanish
    big = crop_and_resize(mask.astype(np.float32), round(LENGTH * fine), Image.BILINEAR)
    inside = np.pad(big >= big.max() / 2, round(3 * fine))
    steps = scipy.ndimage.distance_transform_edt(inside) - scipy.ndimage.distance_transform_edt(~inside)
    distance = steps - 0.5 * np.sign(steps)  # the edge lies half-way between two pixels
    middle = inside & (distance == scipy.ndimage.maximum_filter(distance, 3))  # the centre line of the stroke
    width = 2 * np.median(distance[middle]) / fine
    wider = (np.clip(width, *STROKE) - width) / 2
    return crop_and_resize(np.clip(0.5 + distance / fine + wider, 0, 1).astype(np.float32), LENGTH, Image.BOX)


def crop_and_resize(image, side, resample):
    """Cut a float32 image to its ink and scale it, aspect kept, until its longer side has `side` pixels."""
    left, top, right, bottom = bounding_box(image >= image.max() / 2)
    scale = side / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    return np.asarray(Image.fromarray(image[top:bottom, left:right]).resize(size, resample))


def center_by_mass(digit):
    """Place a digit of at most (20, 20) so that its centre of mass is the middle of 28x28, as MNIST's are. -> uint8"""
    image = np.zeros((28, 28), np.uint8)
    height, width = digit.shape
    y, x = scipy.ndimage.center_of_mass(digit)
    top, left = (int(np.clip(round(13.5 - at), 0, 28 - side)) for at, side in ((y, height), (x, width)))
    image[top : top + height, left : left + width] = np.rint(255 * digit)
    return image

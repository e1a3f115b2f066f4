"""From the mask of one digit to 28x28 as MNIST's authors made theirs: 20 pixels long, centred by its mass."""

import numpy as np
import scipy  # its modules load when they are first used
from PIL import Image

LENGTH = 20  # pixels of MNIST: the longer side of a digit
FINE = 4  # pixels per pixel of MNIST, at least, while a digit is redrawn
STROKE = 2.3, 2.8  # pixels of MNIST: thinner pens are made as wide as the first, thicker ones as the second


def box_of(places):
    """Return left, top, right and bottom of the box around pixels, (n, 2); right and bottom lie just outside."""
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
    return left, top, right, bottom


def normalize_stroke(mask):
    """Draw the digit in `mask` anew with a pen as wide as MNIST's, into a box whose longer side is 20 pixels.

    Each pixel's distance from the edge of the ink tells whether a wider or a narrower pen would have covered it.
    Returns float32 in [0, 1], light on dark, at most (20, 20).
    """
    left, top, right, bottom = box_of(np.argwhere(mask))
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
    left, top, right, bottom = box_of(np.argwhere(image >= image.max() / 2))
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

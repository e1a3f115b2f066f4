"""From the pixels of one digit to 28x28 as MNIST's authors made theirs: 20 pixels long, centred by its mass."""

import numpy as np
import scipy  # its modules load when they are first used
from PIL import Image

from digits.handwriting.rulings import draw

LENGTH = 20  # pixels of MNIST: the longer side of a digit
FINE = 4  # pixels per pixel of MNIST, at least, while a digit is redrawn
STROKE = 2.3, 2.8  # pixels of MNIST: thinner pens are made as wide as the first, thicker ones as the second


def normalize_stroke(places, aspect=1):
    """Draw a digit anew with a pen as wide as MNIST's, into a box whose longer side is 20 pixels.

    Each pixel's distance from the edge of the ink tells whether a wider or a narrower pen would have covered it.
    places: of the digit's pixels, (n, 2); aspect: what its width is multiplied by first.
    Returns float32 in [0, 1], light on dark, at most (20, 20).
    """
    mask = draw(places, places.max(axis=0) + 1).astype(np.float32)
    fine = max(FINE, (np.ptp(places, axis=0).max() + 1) / LENGTH)  # never smaller: a thin pen would vanish
    big = crop_and_resize(mask, round(LENGTH * fine), Image.BILINEAR, aspect)
    inside = np.pad(big >= big.max() / 2, round(3 * fine))
    steps = scipy.ndimage.distance_transform_edt(inside) - scipy.ndimage.distance_transform_edt(~inside)
    distance = steps - 0.5 * np.sign(steps)  # the edge lies half-way between two pixels
    middle = inside & (distance == scipy.ndimage.maximum_filter(distance, 3))  # the centre line of the stroke
    width = 2 * np.median(distance[middle]) / fine
    wider = (np.clip(width, *STROKE) - width) / 2
    return crop_and_resize(np.clip(0.5 + distance / fine + wider, 0, 1).astype(np.float32), LENGTH, Image.BOX)


def crop_and_resize(image, side, resample, aspect=1):
    """Cut a float32 image to its ink and scale it until its longer side has `side` pixels; see `normalize_stroke`."""
    left, top, right, bottom = box = Image.fromarray(image >= image.max() / 2).getbbox()
    width, height = aspect * (right - left), bottom - top
    size = [max(1, round(length * side / max(width, height))) for length in (width, height)]
    return np.asarray(Image.fromarray(image).crop(box).resize(size, resample))


def center_by_mass(digit):
    """Place a digit of at most (20, 20) so that its centre of mass is the middle of 28x28, as MNIST's are. -> uint8"""
    middle = scipy.ndimage.center_of_mass(digit)
    before = [int(np.clip(round(13.5 - at), 0, 28 - side)) for at, side in zip(middle, digit.shape)]
    around = [(start, 28 - side - start) for start, side in zip(before, digit.shape)]
    return np.pad(np.rint(255 * digit).astype(np.uint8), around)

"""From the mask of one digit to 28x28 as MNIST's authors made theirs: 20 pixels long, centred by its mass."""

import numpy as np

FINE = 4  # pixels per pixel of MNIST while a digit is redrawn
STROKE = 2.3, 2.8  # pixels of MNIST: thinner pens are made as wide as the first, thicker ones as the second


def bounding_box(mask):
    """Return left, top, right and bottom of what is True in `mask`; right and bottom lie just outside."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def match_mnist(scan):
    """Return a scan (28, 28) that is as MNIST's authors made theirs already, or such a one dark on light; else None.

    Theirs are 20 pixels long, with the centre of mass within a pixel of the middle, on a ground of exactly 0. -> uint8
    """
    from scipy.ndimage import center_of_mass

    if scan.shape != (28, 28) or scan[0, 0] not in (0, 1):
        return None
    image = np.rint(255 * np.abs(scan - scan[0, 0])).astype(np.uint8)
    if not image.any():
        return None
    left, top, right, bottom = bounding_box(image > 0)
    exact = max(right - left, bottom - top) == 20 and np.abs(np.subtract(center_of_mass(image), 13.5)).max() < 1
    return image if exact else None


def reopen_holes(mask, ink):
    """Return a digit's mask without what is lighter than the ink around it: the holes that a blur has nearly closed."""
    from scipy.ndimage import gaussian_filter

    left, top, right, bottom = bounding_box(mask)
    level = gaussian_filter(ink, 0.09 * max(right - left, bottom - top))
    opened = mask & (ink > level - 0.05 * np.percentile(ink[mask], 95))
    return opened if opened.sum() > 0.4 * mask.sum() else mask


def normalize_stroke(mask):
    """Draw the digit in `mask` anew with a pen as wide as MNIST's, into a box whose longer side is 20 pixels.

    Each pixel's distance from the edge of the ink tells whether a wider or a narrower pen would have covered it.
    Returns float32 in [0, 1], light on dark, at most (20, 20).
    """
    from PIL import Image
    from scipy.ndimage import distance_transform_edt, maximum_filter

    big = crop_and_resize(mask.astype(np.float32), 20 * FINE, Image.BILINEAR)
    inside = np.pad(big >= 0.5 * big.max(), 3 * FINE)
    distance = np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))
    middle = inside & (distance == maximum_filter(distance, 3))  # the centre line of the stroke
    width = 2 * np.median(distance[middle]) / FINE
    wider = (np.clip(width, *STROKE) - width) / 2
    return crop_and_resize(np.clip(0.5 + distance / FINE + wider, 0, 1).astype(np.float32), 20, Image.BOX)


def crop_and_resize(image, side, resample):
    """Cut a float32 image to its ink and scale it, aspect kept, until its longer side has `side` pixels."""
    from PIL import Image

    left, top, right, bottom = bounding_box(image >= 0.5 * image.max())
    scale = side / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    return np.asarray(Image.fromarray(image[top:bottom, left:right]).resize(size, resample))


def center_by_mass(digit):
    """Place a digit of at most (20, 20) so that its centre of mass is the middle of 28x28, as MNIST's are. -> uint8"""
    from scipy.ndimage import center_of_mass

    image = np.zeros((28, 28), np.uint8)
    height, width = digit.shape
    y, x = center_of_mass(digit)
    top, left = (int(np.clip(round(13.5 - at), 0, 28 - side)) for at, side in ((y, height), (x, width)))
    image[top : top + height, left : left + width] = np.rint(255 * digit)
    return image

"""Printed lines, and the boxes made of them: what runs from one side of the image to the other between the digits."""

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

FRAME = 0.02  # of the longer side: what comes this near to the frame reaches it
MEETING = 0.06  # of the longer side: a line that ends so near to another one ends there
RUN = 0.15  # of the longer side: a line is found by pieces of this length
DENSE = 0.8  # of such a piece is ink: a pale line has gaps
SLOPES = np.arange(-12, 13, 3)  # degrees: of lines in a picture that is held by hand
LENGTH = 0.4  # of the side along which it runs: a line is longer
THIN = 0.08  # of its length: a line is thinner
EDGE = 2  # pixels: what a blur adds to the width of a line at each side
INSIDE = 5  # times a line's thickness: what is written is larger


def remove_rulings(mask, dark):
    """Return the ink without printed lines: long, thin, straight, and from one side of the image to the other.

    A line may also end at another line, as the sides of a box do, or at the dark edge of a page or a cell. A digit's
    own strokes end freely; where they do not, in an image cut to its size, nothing is left inside without them, and
    they are kept. So is what crosses a line.

    mask, dark: (h, w) bool, the ink, and what of it lies along the frame.
    """
    lines = [find_lines(mask.T).T, find_lines(mask)]  # by the axis along which they run
    near, gap = (round(share * max(mask.shape)) for share in (FRAME, MEETING))
    frame = np.ones_like(mask)
    frame[near:-near, near:-near] = False
    for axis in (0, 1, 0, 1):  # twice: a line may not end at one that ends freely
        ends = frame | scipy.ndimage.maximum_filter((lines[1 - axis] > 0) | dark, 2 * gap + 1)
        for line in skimage.measure.regionprops(lines[axis]):
            place = line.coords[:, axis]
            if not all(ends[tuple(line.coords[place == end].T)].any() for end in (place.min(), place.max())):
                lines[axis][lines[axis] == line.label] = 0
    rest, thickest = mask, 0
    for axis in (0, 1):
        for line in skimage.measure.regionprops(lines[axis]):
            thickness = line.area / (np.ptp(line.coords[:, axis]) + 1)
            thickest = max(thickest, thickness)
            rest = erase(rest, lines[axis] == line.label, round(thickness), axis)
    regions = skimage.measure.regionprops(skimage.measure.label(rest, connectivity=2))
    inside = [longer_side(region) for region in regions if not frame[tuple(region.coords.T)].any()]
    return rest if max(inside, default=0) > INSIDE * thickest else mask


def find_lines(mask):
    """Return the number of the level line that each pixel of `mask` lies in, 0 for none. Shaped like `mask`.

    The image is sheared until a sloping line is level; at half its size, so that a thin line stays within a row.
    """
    small = skimage.measure.block_reduce(mask, 2, np.max)
    length, columns = round(RUN * max(small.shape)), np.arange(small.shape[1])
    found = np.zeros_like(small)
    for slope in np.tan(np.radians(SLOPES)):
        rows = (np.arange(small.shape[0])[:, None] + np.rint(slope * columns).astype(int)) % small.shape[0]
        share = scipy.ndimage.uniform_filter1d(small[rows, columns].astype(np.float32), length, mode="nearest")
        found[rows, columns] |= scipy.ndimage.maximum_filter1d(share > DENSE, length)
    found = found.repeat(2, 0).repeat(2, 1)[: mask.shape[0], : mask.shape[1]]
    lines = skimage.measure.label(found, connectivity=2) * mask
    for line in skimage.measure.regionprops(lines):
        length = line.bbox[3] - line.bbox[1]
        if length < LENGTH * mask.shape[1] or line.area > THIN * length**2:
            lines[lines == line.label] = 0
    return lines


def erase(mask, line, thickness, axis):
    """Return the ink without a line along `axis`, `thickness` pixels thick, and with the strokes that cross it."""
    through = 2 * thickness + EDGE + 1  # pixels: a stroke that crosses the line is longer there
    crossing = scipy.ndimage.minimum_filter1d(mask, through, 1 - axis)
    crossing = scipy.ndimage.maximum_filter1d(crossing, through, 1 - axis, origin=through % 2 - 1)
    return mask & (crossing | ~scipy.ndimage.binary_dilation(line, np.ones((3, 3)), EDGE))


def longer_side(region):
    """Return the longer side of a region's bounding box, in pixels."""
    top, left, bottom, right = region.bbox
    return max(bottom - top, right - left)

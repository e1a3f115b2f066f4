"""Printed lines, and the boxes made of them: what runs from one side of the image to the other between the digits."""

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage

FRAME = 0.02  # of the longer side: what comes this near to the frame reaches it
MEETING = 0.06  # of the longer side: a line that ends so near to another one ends there
RUN = 0.25  # of the longer side: a line is found by pieces of this length
DENSE = 0.8  # of such a piece is ink: a pale line has gaps
SLOPES = np.arange(-12, 13, 3)  # degrees: of lines in a picture that is held by hand
LENGTH = 0.4  # of the side along which it runs: a line is longer
THIN = 0.08  # of its length: a line is thinner
EDGE = 2  # pixels: what a blur adds to the width of a line at each side


def remove_rulings(mask, dark):
    """Return the ink without printed lines, and these lines, the (n, 2) places of the pixels of each.

    They are long, thin, straight, and run from one side of the image to the other, or to another line, as the sides of
    a box do, or to the dark edge of a page or a cell. What crosses them is kept, and all, where nothing else is inside.

    mask, dark: (h, w) bool, the ink, and what of it lies along the frame.
    """
    lines = [[line[:, ::-1] for line in find_lines(mask.T)], find_lines(mask)]  # by the axis along which they run
    near, gap = (round(share * max(mask.shape)) for share in (FRAME, MEETING))
    frame = np.ones_like(mask)
    frame[near:-near, near:-near] = False
    for axis in (0, 1, 0, 1):  # twice: a line may not end at one that ends freely
        others = np.any([dark, *(draw(line, mask.shape) for line in lines[1 - axis])], axis=0)
        ends = frame | scipy.ndimage.maximum_filter(others, 2 * gap + 1)
        lines[axis] = [line for line in lines[axis] if ends_at(line, ends, axis)]
    rest = mask
    for axis, line in [(0, line) for line in lines[0]] + [(1, line) for line in lines[1]]:
        thickness = len(line) / (np.ptp(line[:, axis]) + 1)
        through = np.where(np.arange(2) == axis, 1, round(2 * thickness) + EDGE + 1)  # what crosses it is longer there
        near_line = scipy.ndimage.binary_dilation(draw(line, mask.shape), np.ones((3, 3)), EDGE)
        rest = rest & (scipy.ndimage.grey_opening(rest, through) | ~near_line)
    inside = skimage.segmentation.clear_border(skimage.measure.label(rest, connectivity=2), near - 1)
    return (rest, lines[0] + lines[1]) if inside.any() else (mask, [])


def draw(places, shape):
    """Return an image of a shape, bool, in which only the pixels at `places`, (n, 2), are True."""
    image = np.zeros(shape, bool)
    image[tuple(places.T)] = True
    return image


def ends_at(line, ends, axis):
    """Return whether both ends of a line along an axis lie where `ends` is True."""
    place = line[:, axis]
    return all(ends[tuple(line[place == end].T)].any() for end in (place.min(), place.max()))


def find_lines(mask):
    """Return the pixels of each level line in `mask`, a list of (n, 2).

    The image is sheared until a sloping line is level; at half its size, so that a thin line stays within a row.
    """
    small = skimage.measure.block_reduce(mask, 2, np.max)
    run, columns = round(RUN * max(small.shape)), np.arange(small.shape[1])
    found = np.zeros_like(small)
    for slope in np.tan(np.radians(SLOPES)):
        rows = (np.arange(small.shape[0])[:, None] + np.rint(slope * columns).astype(int)) % small.shape[0]
        share = scipy.ndimage.uniform_filter1d(small[rows, columns].astype(np.float32), run, mode="nearest")
        found[rows, columns] |= scipy.ndimage.maximum_filter1d(share > DENSE, run)
    found = found.repeat(2, 0).repeat(2, 1)[: mask.shape[0], : mask.shape[1]]
    regions = skimage.measure.regionprops(skimage.measure.label(found, connectivity=2) * mask)
    lines = [(region, region.image.shape[1]) for region in regions]
    return [line.coords for line, long in lines if long > LENGTH * mask.shape[1] and line.area < THIN * long**2]

"""From an image to its ink: what a pen has darkened, without paper, uneven light, shadows, the desk and rulings."""

import itertools

import numpy as np
import scipy  # SciPy's modules and scikit-image's load when they are first used
import skimage
from PIL import Image

WORKING = 200, 700  # pixels: least and largest longer side of the image that ink is looked for in
REACHES = 4, 8, 16, 32, 64, 128, 256  # pixels: how wide a stroke may be; tried in turn
WIDE = 0.05  # of the image's longer side: on unevenly lit paper, what is darker over such a width may be a shadow
FAINTEST, FAINTEST_WIDE = 0.1, 0.28  # ink is at least so much darker than paper: everywhere; where a shadow may be
# The share of an image's variance that lies between its two levels: from 0.866 on in scans whose ink fills the frame,
# up to 0.838 where the two are light and shadow in an image drawn by benchmarks/pens.py.
TWO_LEVELS = 0.85
ELSEWHERE = 0.05  # of all ink: if less lies elsewhere, what lies along the frame is no shadow or desk, but the digit
STRENGTH = 99.9  # percentile of the ink that tells how dark it gets, whatever single pixels are
CORE = 0.4  # of how dark ink is: what is darker is surely ink
BLACK = 0.05  # no paper is taken to be darker
NEAR_FRAME = 0.02  # of a side: what comes this near to the frame reaches it


def find_ink(scan, shape):
    """Find the ink in an image.

    Args:
        scan: grey image, float32 in [0, 1], whose aspect may be wrong.
        shape: height and width that give the right aspect.

    Returns, at the working size:
        How much darker than the paper each pixel is, float32, from 0 to 1 for black; and which pixels are ink, bool.
    """
    grey = resize_to_working_size(scan, shape)
    if is_light_on_dark(grey):
        grey = 1 + np.percentile(grey, 1) - grey  # so that paper is 1
    ink, reach, strength = remove_background(grey)
    mask = threshold_ink(ink, reach, strength)
    return ink, mask & ~find_rulings(mask)


def resize_to_working_size(grey, shape):
    """Bring an image to the working size and to the aspect of `shape`, and take its grain out. float32 in [0, 1]."""
    working = np.clip(max(grey.shape), *WORKING)
    scale = working / max(grey.shape)
    size = [max(1, round(side * working / max(shape))) for side in shape[::-1]]
    grey = np.asarray(Image.fromarray(grey).resize(size, Image.BICUBIC if scale > 1 else Image.BOX))
    return np.clip(scipy.ndimage.gaussian_filter(grey, max(0.3 * scale, 0.8)), 0, 1)


def is_light_on_dark(grey):
    """Return whether the ink is lighter than what it is on.

    Ink is rarer than paper nearby. Where the image has two clear levels, as scans have and shadows on paper do not,
    the rim and the corners vote too: thick ink that fills the frame is not rare, but paper is what reaches the corners.
    """
    if not np.ptp(grey):
        return False
    rare = np.mean((grey - local_median(grey)) ** 3) > 0
    bright = grey > skimage.filters.threshold_otsu(grey)
    between = bright.mean() * (1 - bright.mean()) * (grey[bright].mean() - grey[~bright].mean()) ** 2
    if between < TWO_LEVELS * grey.var():
        return bool(rare)
    corners = bright[[0, 0, -1, -1], [0, -1, 0, -1]]
    return int(rare) + int(rim(bright).mean() < 0.5) + int(corners.mean() < 0.5) >= 2


def rim(image):
    """Return the pixels along the frame of an image, (n,)."""
    return np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])


def local_median(grey):
    """Return the median of the pixels around each pixel, in a window of half the image. Shaped like `grey`."""
    size = [max(3, round(32 * side / max(grey.shape))) for side in grey.shape[::-1]]
    small = np.asarray(Image.fromarray(grey).resize(size, Image.BOX))
    level = scipy.ndimage.median_filter(small, 15, mode="nearest")
    return np.asarray(Image.fromarray(level).resize(grey.shape[::-1], Image.BILINEAR))


def remove_background(grey):
    """Return how much darker than its paper each pixel is, and what was learned about the pen.

    A closing fills the dark strokes that are narrower than its reach with the paper at their sides, and leaves what
    is wider, a shadow or a desk, as it is. On unevenly lit paper a reach wide enough for the edge of a shadow takes
    paper for no lighter than the median nearby. The reach is the least one that is wide enough: with twice as much,
    the ink becomes neither darker nor more. What lies along the frame is not counted, unless nearly all the ink of a
    scan does.

    Returns:
        The ink (h, w) float32; the reach in pixels; and the usual darkness of ink, 0 if there is none.
    """
    noise = 1.5 * np.median(np.abs(grey - scipy.ndimage.median_filter(grey, 3))) / max(np.median(grey), BLACK)
    even = np.mean(grey > np.percentile(grey, 99) - 0.02) > 0.2  # a scan's page
    faintest = max(FAINTEST, 12 * noise)
    wide, usual = (np.inf, None) if even else (WIDE * max(grey.shape), local_median(grey))
    found = []
    for reach in REACHES:
        if found and reach > 0.5 * max(grey.shape):
            break
        padded = np.pad(grey, reach, mode="maximum", stat_length=reach)
        paper = scipy.ndimage.grey_closing(padded, (reach, reach))[reach:-reach, reach:-reach]
        if reach > wide:
            paper = np.minimum(paper, usual)
        ink = (paper - grey) / np.maximum(paper, BLACK)
        found.append(ink - np.percentile(ink, 20))
    inside = [clear_frame(ink, faintest) for ink in found]
    if even and inside[-1].sum() < ELSEWHERE * found[-1].clip(0).sum():
        inside = found
    strengths = np.array([np.percentile(ink, STRENGTH) for ink in inside])
    areas = np.array([np.mean(ink > CORE * strength) for ink, strength in zip(inside, strengths)])
    enough = strengths > max(faintest, 0.4 * strengths.max())
    enough[:-1] &= (strengths[1:] < 1.25 * strengths[:-1]) & (areas[1:] < 1.2 * areas[:-1])
    chosen = enough.argmax() if enough.any() else len(found) - 1
    if REACHES[chosen] > wide:
        faintest = max(faintest, FAINTEST_WIDE)
    dark = inside[chosen] > max(0.5 * strengths[chosen], 0.01)
    strength = np.median(inside[chosen][dark]) if dark.any() else 0
    return found[min(chosen + 1, len(found) - 1)], REACHES[chosen], strength if strength > faintest else 0


def clear_frame(ink, faintest):
    """Return the ink of the darkest pieces that do not lie along the frame of the image; 0 elsewhere."""
    for _ in range(3):  # the desk, its shadow, then the pen
        strength = np.percentile(ink, STRENGTH)
        if strength < faintest:
            break
        dark = ink > CORE * strength
        inside = dark & ~along_frame(dark)
        if inside.mean() > 0.0008:
            return ink * inside
        ink = ink * ~scipy.ndimage.binary_dilation(dark, iterations=3)
    return np.zeros_like(ink)


def along_frame(mask):
    """Return which pieces of `mask` lie along the frame of the image: their contact with it is as long as they are."""
    labels, count = scipy.ndimage.label(mask, np.ones((3, 3)))
    contact = np.bincount(rim(labels), minlength=count + 1)[1:]
    length = np.array([max(part.stop - part.start for part in box) for box in scipy.ndimage.find_objects(labels)])
    return np.append(False, contact >= 0.95 * length)[labels]


def threshold_ink(ink, reach, strength):
    """Return which pixels are ink: half as dark as the darkest nearby, so that a pen may press unevenly. -> bool

    It is never paler than 0.3 of what ink usually is here; on grainy paper that rises with the grain, to 0.5 at most.
    """
    if not strength:
        return np.zeros(ink.shape, bool)
    window = min(2 * reach + 1, max(ink.shape) // 10)
    nearby = scipy.ndimage.gaussian_filter(scipy.ndimage.maximum_filter(ink, window), window / 4)
    grain = np.subtract(*np.percentile(ink, [25, 5]))  # most of an image is paper
    lowest = np.clip(4 * grain, 0.3 * strength, 0.5 * strength)
    return ink > np.maximum(0.5 * nearby, max(0.05, lowest))


def find_rulings(mask):
    """Return which ink is printed: straight lines from one side of the image to the other, and boxes around digits.

    Where there is nothing else inside the image, the lines are strokes. What crosses a line is kept.
    -> bool, shaped like `mask`
    """
    labels = skimage.measure.label(mask, connectivity=2)
    pieces = [piece for piece in skimage.measure.regionprops(labels) if longer_side(piece) > 0.02 * max(mask.shape)]
    spanning = {piece.label for piece in pieces for axis in (0, 1) if spans(piece, mask.shape, axis)}
    enclosing = {piece.label for piece, other in itertools.permutations(pieces, 2) if encloses(piece, other)}
    rulings = np.zeros_like(mask)
    if not spanning | enclosing:
        return rulings
    suspects = np.isin(labels, [*(spanning | enclosing)])
    lines = find_level_lines(suspects.T).T, find_level_lines(suspects)  # by the axis along which they run
    both = lines[0] | lines[1]
    straight = np.bincount(labels[both], minlength=labels.max() + 1)
    boxes = {piece.label for piece in pieces if piece.label in enclosing and straight[piece.label] > 0.5 * piece.area}
    near = scipy.ndimage.binary_dilation(both, np.ones((3, 3)), 2)
    size = max((longer_side(rest) for rest in find_regions(mask & ~near) if not touches(rest, mask.shape)), default=0)
    printed = np.zeros((2, *mask.shape), bool)
    for axis in (0, 1):
        for line in find_regions(lines[axis]):
            length = line.bbox[axis + 2] - line.bbox[axis]
            thickness = line.area / length
            across = spans(line, mask.shape, axis)
            part = length > 0.5 * mask.shape[axis] and thickness < 0.03 * max(mask.shape)  # of an interrupted ruling
            if size > 4 * thickness and (across or (part and labels[tuple(line.coords[0])] in spanning | boxes)):
                printed[axis][tuple(line.coords.T)] = True
        if printed[axis].any():
            through = run_lengths(mask, 1 - axis)
            blurred = scipy.ndimage.binary_dilation(printed[axis], np.ones((3, 3)), 2) & mask
            rulings |= blurred & (through < 2 * np.percentile(through[printed[axis]], 25) + 2)
    return rulings | (printed[0] & printed[1])


def find_regions(mask):
    """Return the connected regions of `mask`, as scikit-image describes them."""
    return skimage.measure.regionprops(skimage.measure.label(mask, connectivity=2))


def longer_side(piece):
    """Return the longer side of a region's bounding box, in pixels."""
    top, left, bottom, right = piece.bbox
    return max(bottom - top, right - left)


def spans(piece, shape, axis):
    """Return whether a region reaches from one side of the image to the opposite one, along `axis`."""
    margin = NEAR_FRAME * shape[axis]
    return piece.bbox[axis] <= margin and piece.bbox[axis + 2] >= shape[axis] - margin


def touches(piece, shape):
    """Return whether a region touches the frame of the image."""
    top, left, bottom, right = piece.bbox
    return top == 0 or left == 0 or bottom == shape[0] or right == shape[1]


def encloses(piece, other):
    """Return whether another region, more than a tenth as long, lies inside a region's bounding box."""
    (top, left, bottom, right), (a, b, c, d) = piece.bbox, other.bbox
    inside = top <= a and left <= b and c <= bottom and d <= right
    return inside and longer_side(other) > 0.1 * longer_side(piece)


def find_level_lines(mask):
    """Return which pixels of `mask` lie in a line 0.3 of the width long, level or sloping by up to 6 degrees."""
    length = max(15, round(0.12 * max(mask.shape)))
    runs = np.zeros_like(mask)
    for slope in np.tan(np.radians([-6, -4, -2, 0, 2, 4, 6])):
        shift = np.rint(slope * np.arange(mask.shape[1])).astype(int)
        sheared = (np.arange(mask.shape[0])[:, None] + shift) % mask.shape[0], np.arange(mask.shape[1])
        middles = scipy.ndimage.minimum_filter1d(mask[sheared], length, 1, mode="nearest")
        runs[sheared] |= scipy.ndimage.maximum_filter1d(middles, length, 1)
    lines = np.zeros_like(mask)
    for line in find_regions(runs & mask):
        extent = line.bbox[3] - line.bbox[1]
        if extent > 0.3 * mask.shape[1] and line.area < 0.15 * extent**2:
            lines[tuple(line.coords.T)] = True
    return lines


def run_lengths(mask, axis):
    """Return for each True the length of the run of Trues along `axis` that it is in; 0 for each False. -> int"""
    neighbours = np.swapaxes([[0, 0, 0], [1, 1, 1], [0, 0, 0]], axis, 1)
    runs, _ = scipy.ndimage.label(mask, neighbours)
    return mask * np.bincount(runs.ravel())[runs]

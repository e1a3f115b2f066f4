"""Step 1 for your own digits: a picture file becomes what MNIST's authors made of theirs, 28x28, light ink on black.

read_picture -> even_light -> find_ink -> group_pieces -> open_holes -> redraw -> centre, in the order in which
`find_digits` takes them. Lengths that say "of the picture" are shares of its longer side.
"""

import warnings

import numpy as np

SIDE = 1400  # longest side of a picture that is kept; a phone's 4000 pixels hold nothing more of a digit
WORKING = 200, 700  # least and largest longer side of the picture that ink is looked for in
FINE = 4  # pixels to a pixel of MNIST while a digit is redrawn
STROKE = 1.9, 2.4  # pixels of MNIST: thinner pens are made as wide as the first, thicker ones as the second


def read_picture(path):
    """Return the picture in the file `path` as it is to be looked at: a PIL image, RGB, no side above SIDE.

    Raises OSError, naming the file, where it can't be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks about odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at a half or a quarter of its size: faster
                image = ImageOps.exif_transpose(image)
                if image.mode[0] in "IF":
                    image = stretch(np.asarray(image, np.float32))
                image = on_paper(image.convert("RGBA")) if image.has_transparency_data else image.convert("RGB")
        except (FileNotFoundError, PermissionError) as error:
            raise OSError(f"{path}: {error.strerror}") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise OSError(f"{path} has too many pixels, make it smaller first") from error
        except UnidentifiedImageError as error:
            what = "is in no picture format that is known here" if path.stat().st_size else "is empty"
            raise OSError(f"{path} {what}") from error
        except Exception as error:  # a damaged file can raise nearly anything
            reason = str(error) or type(error).__name__
            raise OSError(f"{path} is not a picture that can be read, or is damaged ({reason})") from error
        image.thumbnail((SIDE, SIDE))
    return image


def stretch(values):
    """Turn 16- or 32-bit pixels, of whatever range, into a grey PIL image that uses 0 to 255."""
    from PIL import Image

    values = np.nan_to_num(values, posinf=0, neginf=0)
    return Image.fromarray((255 * (values - values.min()) / max(np.ptp(values), 1e-9)).astype(np.uint8))


def on_paper(image):
    """Lay a picture with transparency on paper: white under dark ink, black under light ink. RGBA -> RGB."""
    from PIL import Image

    grey, alpha = (np.asarray(band, np.float32) / 255 for band in (image.convert("L"), image.getchannel("A")))
    solid = grey[alpha > 0.5]
    if solid.size > alpha.size / 2 and np.ptp(np.percentile(solid, [2, 98])) > 0.2:
        paper = np.median(solid)  # paper and ink are both there already, only corners are missing
    else:
        paper = float(solid.size > 0 and solid.mean() < 0.5)
    below = Image.new("RGBA", image.size, (round(255 * paper),) * 3 + (255,))
    return Image.alpha_composite(below, image).convert("RGB")


def find_digits(picture, single=False):
    """Find the digits in a PIL image, row by row from the top, each row from left to right.

    single: the picture is known to show one digit; whatever lies near its largest piece belongs to it.
    Returns boxes (n, 4), left, top, right and bottom in pixels of the picture, and (n, 28, 28) uint8 pictures like
    MNIST's. n is 0 where there is no ink.
    """
    grey = np.asarray(picture.convert("L"), np.float32) / 255
    scan = original_pixels(grey)
    ready = as_mnist(scan)
    if ready is not None:
        return np.array([box_of(ready > 0)]) * np.array(picture.size * 2) / 28, ready[None]
    ink, faintest = even_light(resize(scan, grey.shape))
    groups = group_pieces(find_ink(ink, faintest, 4 * max(ink.shape) / max(scan.shape)), single)
    scale = np.array([picture.width / ink.shape[1], picture.height / ink.shape[0]] * 2)
    boxes = [np.array(box_of(group)) * scale for group in groups]
    images = [centre(redraw(open_holes(group, ink))) for group in groups]
    return np.array(boxes).reshape(-1, 4), np.array(images, np.uint8).reshape(-1, 28, 28)


def as_mnist(scan):
    """Return a scan (28, 28) that is as MNIST's authors made theirs already, or such a one dark on light; else None.

    Theirs are 20 pixels long, with the centre of mass within a pixel of the middle, on a ground of exactly 0. -> uint8
    """
    from scipy.ndimage import center_of_mass

    if scan.shape != (28, 28) or scan[0, 0] not in (0, 1):
        return None
    image = np.rint(255 * np.abs(scan - scan[0, 0])).astype(np.uint8)
    if not image.any():
        return None
    left, top, right, bottom = box_of(image > 0)
    exact = max(right - left, bottom - top) == 20 and np.abs(np.subtract(center_of_mass(image), 13.5)).max() < 1
    return image if exact else None


def original_pixels(grey):
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


def resize(grey, shape):
    """Bring a picture to the working size and to the aspect of `shape`, and take its grain out. float32 in [0, 1]."""
    from PIL import Image
    from scipy import ndimage

    working = np.clip(max(grey.shape), *WORKING)
    scale = working / max(grey.shape)
    size = [max(1, round(side * working / max(shape))) for side in shape[::-1]]
    grey = np.asarray(Image.fromarray(grey).resize(size, Image.BICUBIC if scale > 1 else Image.BOX))
    return np.clip(ndimage.gaussian_filter(grey, max(0.3 * scale, 0.8)), 0, 1)


def even_light(grey):
    """Return how much darker than the paper around it each pixel is, and how dark the faintest ink can be.

    The first is float32, 0 is paper, 1 is black. The second is a number: where the light is uneven, what is left of
    a shadow's edge must not count as ink. Light ink on dark is turned round first. grey: as from `resize`.
    """
    from scipy import ndimage

    if np.mean((grey - surroundings(grey, 50)) ** 3) > 0:  # ink is the rarer: most of what stands out is light
        grey = 1 + np.percentile(grey, 1) - grey  # so that paper is 1
    brightest = np.percentile(grey, 99)
    if np.mean(grey > brightest - 0.02) > 0.2:  # a scan's even page
        return np.maximum(brightest - grey, 0) / max(brightest, 0.05), 0.12
    # Paper is what is left when dark strokes are filled from their sides (a closing), but no brighter than usual here.
    reach = max(3, round(0.3 * max(grey.shape)))
    padded = np.pad(grey, reach, mode="maximum", stat_length=reach)
    filled = ndimage.grey_closing(padded, (reach, reach))[reach:-reach, reach:-reach]
    paper = np.maximum(np.minimum(filled, surroundings(grey, 60)), 0.05)
    ink = (paper - grey) / paper
    return ink - np.median(ink), 0.28


def surroundings(grey, percentile):
    """Return a percentile of the pixels around each pixel, in a window of half the picture. Shaped like `grey`."""
    from PIL import Image
    from scipy import ndimage

    size = [max(3, round(32 * side / max(grey.shape))) for side in grey.shape[::-1]]
    small = np.asarray(Image.fromarray(grey).resize(size, Image.BOX))
    level = ndimage.percentile_filter(small, percentile, 15, mode="nearest")
    return np.asarray(Image.fromarray(level).resize(grey.shape[::-1], Image.BILINEAR))


def find_ink(ink, faintest, speck):
    """Return the pieces of ink as a list of boolean masks shaped like `ink`; `ink, faintest`: as from `even_light`.

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


def box_of(mask):
    """Return left, top, right and bottom of what is True in `mask`; right and bottom lie just outside."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def group_pieces(pieces, single=False):
    """Join the pieces of each digit, and order the digits as they are read. Masks -> masks, one a digit."""
    from scipy.ndimage import distance_transform_edt
    from scipy.sparse.csgraph import connected_components

    if not pieces:
        return []
    left, top, right, bottom = np.array([box_of(piece) for piece in pieces], float).T
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
    length = np.array([max(r - x, b - y) for x, y, r, b in map(box_of, digits)])
    return reading_order([digit for digit, long in zip(digits, length) if long > 0.4 * length.max()])


def reading_order(digits):
    """Sort masks into rows from top to bottom, and each row from left to right."""
    boxes = [box_of(digit) for digit in digits]
    rows = []
    for i in sorted(range(len(digits)), key=lambda i: boxes[i][1] + boxes[i][3]):
        if not rows or boxes[i][1] + boxes[i][3] > 2 * boxes[rows[-1][0]][3]:  # its middle is below the row's first
            rows.append([])
        rows[-1].append(i)
    return [digits[i] for row in rows for i in sorted(row, key=lambda i: boxes[i][0])]


def open_holes(mask, ink):
    """Return a digit's mask without what is lighter than the ink around it: the holes that a blur has nearly closed."""
    from scipy.ndimage import gaussian_filter

    left, top, right, bottom = box_of(mask)
    level = gaussian_filter(ink, 0.09 * max(right - left, bottom - top))
    opened = mask & (ink > level - 0.05 * np.percentile(ink[mask], 95))
    return opened if opened.sum() > 0.4 * mask.sum() else mask


def redraw(mask):
    """Draw the digit in `mask` anew with a pen as wide as MNIST's, into a box whose longer side is 20 pixels.

    Each pixel's distance from the edge of the ink tells whether a wider or a narrower pen would have covered it.
    Returns float32 in [0, 1], light on dark, at most (20, 20).
    """
    from PIL import Image
    from scipy.ndimage import distance_transform_edt, maximum_filter

    big = fit(mask.astype(np.float32), 20 * FINE, Image.BILINEAR)
    inside = np.pad(big >= 0.5 * big.max(), 3 * FINE)
    distance = np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))
    middle = inside & (distance == maximum_filter(distance, 3))  # the line that the pen's middle went
    width = 2 * np.median(distance[middle]) / FINE
    wider = (np.clip(width, *STROKE) - width) / 2
    return fit(np.clip(0.5 + distance / FINE + wider, 0, 1).astype(np.float32), 20, Image.BOX)


def fit(picture, side, resample):
    """Cut a float32 picture to its ink and scale it, aspect kept, until its longer side has `side` pixels."""
    from PIL import Image

    left, top, right, bottom = box_of(picture >= 0.5 * picture.max())
    scale = side / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    return np.asarray(Image.fromarray(picture[top:bottom, left:right]).resize(size, resample))


def centre(digit):
    """Place a digit of at most (20, 20) so that its centre of mass is the middle of 28x28, as MNIST's are. -> uint8"""
    from scipy.ndimage import center_of_mass

    image = np.zeros((28, 28), np.uint8)
    height, width = digit.shape
    y, x = center_of_mass(digit)
    top, left = (int(np.clip(round(13.5 - at), 0, 28 - side)) for at, side in ((y, height), (x, width)))
    image[top : top + height, left : left + width] = np.rint(255 * digit)
    return image

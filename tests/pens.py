"""Pictures of digits as they come from elsewhere: MNIST's test digits treated badly, pen strokes, scans, photographs.

Every family is a function of a (28, 28) uint8 digit of MNIST, its label, and a random generator; it returns a picture.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

# Each digit as a pen writes it, in a box from (0, 0) to (1, 1): ways to write it, of strokes, of corners.
STROKES = {
    0: [[[(0.5, 0), (0.15, 0.2), (0.1, 0.6), (0.4, 1), (0.8, 0.8), (0.85, 0.3), (0.5, 0)]]],
    1: [[[(0.5, 0), (0.5, 1)]], [[(0.35, 0.2), (0.55, 0), (0.5, 1)]]],
    2: [[[(0.15, 0.25), (0.4, 0), (0.8, 0.15), (0.7, 0.5), (0.1, 1), (0.5, 0.95), (0.9, 1)]]],
    3: [
        [
            [(0.15, 0.1), (0.5, 0), (0.8, 0.2), (0.4, 0.47)],
            [(0.4, 0.47), (0.85, 0.65), (0.7, 0.95), (0.4, 1), (0.1, 0.9)],
        ]
    ],
    4: [
        [[(0.3, 0), (0.1, 0.6), (0.9, 0.55)], [(0.7, 0.1), (0.6, 1)]],
        [[(0.65, 0), (0.1, 0.65), (0.9, 0.65)], [(0.65, 0), (0.65, 1)]],
    ],
    5: [
        [
            [(0.25, 0.05), (0.2, 0.45), (0.6, 0.4), (0.85, 0.7), (0.6, 0.97), (0.15, 0.95)],
            [(0.25, 0.05), (0.85, 0)],
        ]
    ],
    6: [[[(0.7, 0), (0.3, 0.3), (0.15, 0.7), (0.4, 1), (0.8, 0.8), (0.6, 0.5), (0.2, 0.7)]]],
    7: [
        [[(0.1, 0.05), (0.5, 0.03), (0.9, 0)], [(0.9, 0), (0.5, 0.5), (0.4, 1)]],
        [[(0.1, 0.05), (0.5, 0.03), (0.9, 0)], [(0.9, 0), (0.55, 0.5), (0.4, 1)], [(0.35, 0.5), (0.8, 0.48)]],
    ],
    8: [
        [
            [
                (0.75, 0.12),
                (0.45, 0),
                (0.2, 0.2),
                (0.5, 0.47),
                (0.82, 0.75),
                (0.5, 1),
                (0.15, 0.78),
                (0.5, 0.47),
                (0.8, 0.2),
                (0.75, 0.12),
            ]
        ]
    ],
    9: [[[(0.8, 0.2), (0.45, 0), (0.15, 0.25), (0.4, 0.5), (0.78, 0.3)], [(0.8, 0.2), (0.75, 0.6), (0.65, 1)]]],
}
CORNERS = {(4, 0), (4, 1), (7, 0), (7, 1), (1, 1)}


def curve(points, sharp):
    """Return a smooth curve through `points`, (n, 2); a straight line between each two where `sharp`."""
    points = np.asarray(points, float)
    if sharp or len(points) < 3:
        return points
    t = np.arange(len(points))
    from scipy.interpolate import CubicSpline

    fine = np.linspace(0, len(points) - 1, 12 * len(points))
    return CubicSpline(t, points)(fine)


def written(digit, rng):
    """Return the strokes, (n, 2) points each, of `digit` as a pen might write it, in a box of height 1."""
    way = rng.integers(len(STROKES[digit]))
    slant, turn, wide = rng.normal(0, 0.12), rng.normal(0, 0.08), rng.uniform(0.5, 0.85)
    turn = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[wide, -slant], [0, 1]]
    jitter = {}
    strokes = []
    for stroke in STROKES[digit][way]:
        moved = [jitter.setdefault(point, np.add(point, rng.normal(0, 0.025, 2))) for point in stroke]
        strokes.append(curve(moved, (digit, way) in CORNERS) @ turn.T)
    return strokes


def thinned(image):
    """Return the centre lines of a (28, 28) digit as strokes of two points each, in a box of height 1."""
    mask = skeleton(np.asarray(Image.fromarray(image).resize((84, 84), Image.BICUBIC)) > 110)
    points = np.argwhere(mask)
    smooth = ndimage.gaussian_filter(mask.astype(float), 2)
    where = np.stack(
        [
            ndimage.gaussian_filter(mask * axis.astype(float), 2) / np.maximum(smooth, 1e-9)
            for axis in np.mgrid[:84, :84]
        ],
        -1,
    )
    strokes = []
    for y, x in points:
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if y + dy < 84 and 0 <= x + dx < 84 and mask[y + dy, x + dx]:
                strokes.append(np.array([where[y, x][::-1], where[y + dy, x + dx][::-1]]))
    if not strokes:
        strokes = [np.array([points[0][::-1], points[0][::-1] + 1.0])]
    everything = np.concatenate(strokes)
    low = everything.min(axis=0)
    return [(stroke - low) / max(everything.max(axis=0) - low) for stroke in strokes]


def skeleton(mask):
    """Zhang and Suen's thinning: take away the outer pixels of `mask` until only centre lines are left."""
    mask = mask.copy()
    while True:
        before = mask.sum()
        for step in range(2):
            p = np.pad(mask, 1).astype(int)
            ring = [
                p[:-2, 1:-1],
                p[:-2, 2:],
                p[1:-1, 2:],
                p[2:, 2:],
                p[2:, 1:-1],
                p[2:, :-2],
                p[1:-1, :-2],
                p[:-2, :-2],
            ]
            count = sum(ring)
            changes = sum((ring[i] == 0) & (ring[(i + 1) % 8] == 1) for i in range(8))
            n, e, s, w = ring[0], ring[2], ring[4], ring[6]
            free = (n * e * s == 0) & (e * s * w == 0) if step == 0 else (n * e * w == 0) & (n * s * w == 0)
            mask &= ~((count >= 2) & (count <= 6) & (changes == 1) & free)
        if mask.sum() == before:
            return mask


def drawn(strokes, size, height, corner, width, smooth=True):
    """Draw `strokes` black on white: `height` pixels high from `corner` in a picture of `size`, a pen `width` wide."""
    k = 4 if smooth else 1
    image = Image.new("L", (size[0] * k, size[1] * k), 255)
    pen = ImageDraw.Draw(image)
    r = width * k / 2
    for stroke in strokes:
        points = [tuple((np.asarray(p) * height + corner) * k) for p in stroke]
        pen.line(points, fill=0, width=max(1, round(width * k)), joint="curve")
        if r > 1:
            for x, y in points:
                pen.ellipse((x - r, y - r, x + r, y + r), fill=0)
    return image.resize(size, Image.BOX) if smooth else image


def extent(strokes):
    everything = np.concatenate(strokes)
    return everything.min(axis=0), everything.max(axis=0)


def place(strokes, rng, size, height, width, smooth=True):
    """Draw strokes somewhere in a picture of `size`, as high as fits."""
    low, high = extent(strokes)
    span = high - low
    margin = width / 2 + 1
    height = min(height, *((np.array(size) - 2 * margin) / np.maximum(span, 1e-3)))
    free = np.array(size) - 2 * margin - span * height
    corner = margin + rng.uniform(0, 1, 2) * np.maximum(free, 0) - low * height
    return drawn(strokes, size, height, corner, width, smooth)


def scan28(strokes, rng):
    """A thin pen scanned at 28x28, not normalised."""
    smooth = rng.random() < 0.6
    image = place(strokes, rng, (28, 28), rng.uniform(11, 26), rng.uniform(0.8, 1.6) if smooth else 1, smooth)
    return image if rng.random() < 0.5 else Image.eval(image, lambda v: 255 - v)


def paper(size, rng, dark=0.6):
    """Return unevenly lit paper, (height, width) float in [0, 1]: a slope, a vignette, a shadow's edge, grain."""
    w, h = size
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    a = rng.uniform(0, 2 * np.pi)
    light = 1 - dark * 0.25 * (1 + np.cos(a) * x + np.sin(a) * y) - dark * rng.uniform(0, 0.25) * (x * x + y * y)
    b, where, soft = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6), rng.uniform(0.05, 0.4)
    light *= 1 - dark * rng.uniform(0, 0.6) / (1 + np.exp(-(np.cos(b) * x + np.sin(b) * y - where) / soft * 4))
    grain = ndimage.zoom(rng.standard_normal((24, 24)), (h / 24, w / 24), order=1)[:h, :w] if min(w, h) > 48 else 0
    return np.clip(rng.uniform(0.75, 0.97) * light + 0.01 * grain, 0, 1)


def jpeg(image, quality):
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(io.BytesIO(content.getvalue()))


def photograph(strokes, rng, megapixels, digit_share=None):
    """A photograph of pen on paper: colour, ruling, shadow, tilt, blur, noise, JPEG."""
    w = int((megapixels * 1e6 * 4 / 3) ** 0.5)
    size = (w, w * 3 // 4) if rng.random() < 0.5 else (w * 3 // 4, w)
    height = min(size) * (digit_share or rng.uniform(0.2, 0.75))
    width = height * rng.uniform(0.02, 0.12)
    ink = 1 - np.asarray(place(strokes, rng, size, height, width), np.float32) / 255
    kind = rng.choice(["plain", "lined", "squared"])
    step = height * rng.uniform(0.35, 0.9)
    rules = np.zeros((size[1], size[0]), np.float32)
    line = max(1, height * 0.012)
    if kind != "plain":
        rules[(np.arange(size[1]) % step) < line] = 1
    if kind == "squared":
        rules[:, (np.arange(size[0]) % step) < line] = 1
    page = np.ones((size[1], size[0], 3), np.float32) * np.array([1, 1, rng.uniform(0.85, 1)])
    page *= 1 - rules[..., None] * rng.uniform(0.1, 0.35) * np.array([1, 0.6, 0.3], np.float32)
    colour = {"black": (0.12, 0.12, 0.14), "blue": (0.12, 0.2, 0.6), "pencil": (0.4, 0.4, 0.42)}[
        rng.choice(["black", "blue", "pencil"])
    ]
    page = page * (1 - ink[..., None]) + np.array(colour, np.float32) * ink[..., None]
    page *= paper(size, rng)[..., None]
    image = Image.fromarray((255 * np.clip(page, 0, 1)).astype(np.uint8))
    tilt = rng.uniform(-0.05, 0.05, 8) * np.repeat(size, 4)[[0, 4, 1, 5, 2, 6, 3, 7]]
    W, H = size
    quad = np.array([0, 0, 0, H, W, H, W, 0], float)
    inner = quad + np.abs(tilt) * np.sign(np.array([1, 1, 1, -1, -1, -1, -1, 1]))
    image = image.transform(size, Image.QUAD, tuple(inner), Image.BILINEAR)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5) * w / 1500))
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(2, 9), (size[1], size[0], 1))
    return jpeg(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)), int(rng.integers(50, 92)))


def resized(image, size, how=Image.BICUBIC):
    return Image.fromarray(image).resize(size, how)


def invert(image):
    return Image.eval(image, lambda value: 255 - value)


def pasted(image, canvas, rng):
    """`image` somewhere on a black canvas."""
    out = Image.new("L", canvas)
    out.paste(image, tuple(int(rng.integers(0, c - s + 1)) for c, s in zip(canvas, image.size)))
    return out


def odd(image, rng):
    side = int(rng.integers(14, 320))
    return resized(
        image,
        (side, max(14, int(side * rng.uniform(0.85, 1.15)))),
        rng.choice([Image.BICUBIC, Image.NEAREST, Image.LANCZOS]),
    )


def shifted(image, rng):
    side = int(rng.integers(29, 90))
    return pasted(Image.fromarray(image), (side, int(side * rng.uniform(1, 1.5))), rng)


def rotated(image, rng):
    return Image.fromarray(image).resize((84, 84), Image.BICUBIC).rotate(rng.uniform(-12, 12), Image.BICUBIC)


def on_paper(image, rng):
    """Dark on uneven paper with noise and JPEG artefacts."""
    ink = np.asarray(image, np.float32) / 255
    light = paper(image.size, rng)
    page = light * (1 - rng.uniform(0.45, 0.9) * ink)
    page += rng.normal(0, rng.uniform(0.01, 0.06), page.shape)
    return jpeg(Image.fromarray((255 * np.clip(page, 0, 1)).astype(np.uint8)), int(rng.integers(30, 90)))


def everything(image, rng):
    side = int(rng.integers(40, 200))
    turned = Image.fromarray(image).resize((side, side), Image.BICUBIC).rotate(rng.uniform(-10, 10), Image.BICUBIC)
    return on_paper(pasted(turned, (int(side * rng.uniform(1, 2)), int(side * rng.uniform(1, 2))), rng), rng)


FAMILIES = {
    "clean": lambda image, label, rng: Image.fromarray(image),
    "inverted": lambda image, label, rng: invert(Image.fromarray(image)),
    "odd sizes": lambda image, label, rng: odd(image, rng),
    "shifted": lambda image, label, rng: shifted(image, rng),
    "rotated": lambda image, label, rng: rotated(image, rng),
    "paper 28": lambda image, label, rng: on_paper(Image.fromarray(image), rng),
    "paper 84": lambda image, label, rng: on_paper(resized(image, (84, 84)), rng),
    "all at once": lambda image, label, rng: everything(image, rng),
    "thin MNIST 28": lambda image, label, rng: scan28(thinned(image), rng),
    "pen 28": lambda image, label, rng: scan28(written(label, rng), rng),
    "photo MNIST": lambda image, label, rng: photograph(thinned(image), rng, rng.uniform(0.3, 1)),
    "photo pen": lambda image, label, rng: photograph(written(label, rng), rng, rng.uniform(0.3, 1)),
}

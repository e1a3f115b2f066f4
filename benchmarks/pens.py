"""Images of digits as they come from elsewhere: MNIST's digits as they are or inverted, pen strokes, photographs.

FAMILIES has a function for each kind: it takes a digit of MNIST, a PIL image of 28x28, its label and a numpy random
generator, and returns a PIL image. A pen writes the label in its own way.

python -m benchmarks.pens      writes photograph.jpg, a number on paper, to try predict.py with
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from scipy.interpolate import CubicSpline

from digits import flags
from digits.files import atomic_write

# Each digit as a pen may write it, in a box of 100 by 100: strokes, of points (x y); after a "-" they have corners.
STROKES = [
    ["50 0, 15 20, 10 60, 40 100, 80 80, 85 30, 50 0"],
    ["50 0, 50 100"],
    ["15 25, 40 0, 80 15, 70 50, 10 100, 50 95, 90 100"],
    ["15 10, 50 0, 80 20, 40 47", "40 47, 85 65, 70 95, 40 100, 10 90"],
    ["-30 0, 10 60, 90 55", "-70 10, 60 100"],
    ["25 5, 20 45, 60 40, 85 70, 60 97, 15 95", "25 5, 85 0"],
    ["70 0, 30 30, 15 70, 40 100, 80 80, 60 50, 20 70"],
    ["-10 5, 90 0, 50 50, 40 100"],
    ["75 12, 45 0, 20 20, 50 47, 82 75, 50 100, 15 78, 50 47, 80 20, 75 12"],
    ["80 20, 45 0, 15 25, 40 50, 78 30", "80 20, 75 60, 65 100"],
]
OTHERS = {1: ["-35 20, 55 0, 50 100"], 4: ["-65 0, 10 65, 90 65", "-65 0, 65 100"]}
OTHERS[7] = [*STROKES[7], "-35 50, 80 48"]


def written(digit, rng):
    """Write `digit`: a list of strokes, (n, 2) points each, in a box of height 1."""
    ways = [STROKES[digit], OTHERS.get(digit, STROKES[digit])]
    slant, angle, wide = rng.normal(0, 0.12), rng.normal(0, 0.08), rng.uniform(0.5, 0.85)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved, strokes = {}, []
    for stroke in ways[rng.integers(2)]:
        names = stroke.removeprefix("-").split(", ")
        for name in names:  # the same place in two strokes stays the same place
            moved.setdefault(name, np.array(name.split(), float) / 100 + rng.normal(0, 0.025, 2))
        points = np.array([moved[name] for name in names])
        if len(points) > 2 and stroke[0] != "-":
            points = CubicSpline(np.arange(len(points)), points)(np.linspace(0, len(points) - 1, 12 * len(points)))
        strokes.append(points @ [[wide, 0], [-slant, 1]] @ turn)
    return strokes


def draw(strokes, size, height, width, rng, smooth=True):
    """Draw strokes black on white somewhere in an image of `size`, at most `height` high, with a pen `width` wide."""
    k = 4 if smooth else 1
    points = np.concatenate(strokes)
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    room = np.array(size) - width - 2  # a margin of 1
    height = min(height, *(room / np.maximum(span, 0.001)))
    corner = 1 + width / 2 + rng.random(2) * (room - span * height)
    image = Image.new("L", (size[0] * k, size[1] * k), 255)
    pen, radius = ImageDraw.Draw(image), width * k / 2
    for stroke in strokes:
        line = [tuple(point) for point in ((stroke - low) * height + corner) * k]
        pen.line(line, 0, max(1, round(width * k)), joint="curve")
        if smooth:
            for x, y in line:
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), 0)
    return image.resize(size, Image.BOX)


def scan(strokes, rng):
    """A thin pen in 28x28 pixels, of any size, anywhere, dark or light."""
    smooth = rng.random() < 0.5
    width = rng.uniform(0.8, 1.6) if smooth else 1
    image = draw(strokes, (28, 28), rng.uniform(11, 26), width, rng, smooth)
    return image if rng.random() < 0.5 else ImageOps.invert(image)


def light(size, rng):
    """Return how bright unevenly lit paper is, (height, width) in [0, 1]: a slope, dark corners, a shadow's edge."""
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j].astype(np.float32)
    a, b = rng.uniform(0, 2 * np.pi, 2)
    slope = 1 - 0.15 * (1 + np.cos(a) * x + np.sin(a) * y) - rng.uniform(0, 0.15) * (x * x + y * y)
    edge, softness = rng.uniform(-0.6, 0.6), rng.uniform(0.01, 0.1)
    with np.errstate(over="ignore"):  # far from a sharp edge
        shadow = rng.uniform(0, 0.36) / (1 + np.exp(-(np.cos(b) * x + np.sin(b) * y - edge) / softness))
    return rng.uniform(0.75, 0.97) * slope * (1 - shadow)


def finish(page, rng, noise, quality):
    """Add a camera's noise and JPEG's artefacts to a page, float in [0, 1], grey or RGB."""
    page = page + rng.normal(0, noise, page.shape[:2] + (1,) * (page.ndim - 2))
    content = io.BytesIO()
    Image.fromarray((255 * np.clip(page, 0, 1)).astype(np.uint8)).save(content, "JPEG", quality=quality)
    return Image.open(content)


def photograph(strokes, rng, megapixels=None):
    """A pen on plain, lined or squared paper, in uneven light, tilted, blurred, with noise and JPEG artefacts."""
    long = int((1e6 * (megapixels or rng.uniform(0.3, 1)) * 4 / 3) ** 0.5)
    size = (long, long * 3 // 4) if rng.random() < 0.5 else (long * 3 // 4, long)
    height = min(size) * rng.uniform(0.2, 0.7)
    drawing = draw(strokes, size, height, height * rng.uniform(0.02, 0.12), rng)
    ink = 1 - np.asarray(drawing, np.float32)[..., None] / 255
    step, thick = height * rng.uniform(0.35, 0.9), max(1, height * 0.012)
    rows, columns = (np.arange(side) % step < thick for side in size[::-1])
    ruled = rng.integers(3)  # plain, lined, squared
    rules = (rows[:, None] & (ruled > 0)) | (columns & (ruled > 1))
    page = 1 - rules[..., None] * rng.uniform(0.1, 0.35) * np.array([1, 0.6, 0.3], np.float32)
    pens = [(0.12, 0.12, 0.14), (0.12, 0.2, 0.6), (0.4, 0.4, 0.42)]  # black, blue, pencil
    page = (page * (1 - ink) + pens[rng.integers(3)] * ink) * [1, 1, rng.uniform(0.85, 1)] * light(size, rng)[..., None]
    image = Image.fromarray((255 * page).astype(np.uint8))
    inset = rng.uniform(0, 0.04, 8) * [1, 1, 1, -1, -1, -1, -1, 1]
    corners = (np.array([0, 0, 0, 1, 1, 1, 1, 0]) + inset) * np.tile(size, 4)
    image = image.transform(size, Image.QUAD, list(corners), Image.BILINEAR)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5) * long / 1500))
    return finish(np.asarray(image) / 255, rng, rng.uniform(0.01, 0.035), int(rng.integers(50, 92)))


FAMILIES = {
    "as MNIST has them": lambda image, label, rng: image,
    "dark on light": lambda image, label, rng: ImageOps.invert(image),
    "thin pen, 28x28": lambda image, label, rng: scan(written(label, rng), rng),
    "photograph": lambda image, label, rng: photograph(written(label, rng), rng),
}


def main(args):
    rng = np.random.default_rng(17)
    number = [written(digit, rng) for digit in (2, 0, 4, 7, 5)]
    strokes = [np.add(stroke, (0.95 * place, 0)) for place, digit in enumerate(number) for stroke in digit]
    page = photograph(strokes, rng, megapixels=2)
    with atomic_write("photograph.jpg") as part:
        page.crop((0, 0, page.width, page.height // 2)).save(part, quality=90)
    print("Written: photograph.jpg")


if __name__ == "__main__":
    flags.run_command(main, flags.argument_parser(__doc__, "-m benchmarks.pens"))

"""Synthetic digits for when MNIST is unavailable: the digits of matplotlib's own fonts, each drawn a bit differently.

They let every script run offline. They are easier than handwriting, so their accuracies say nothing about MNIST's.
"""

import numpy as np

from digits import environment

FONTS = [
    *("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic"),
    *("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "cmr10", "cmss10", "cmtt10", "cmb10"),
]
STROKES = (0, 1, 2, 3)  # pixels added around a glyph's outline
SIZE = 64  # of the square that a glyph is drawn into, before it is shrunk to 28x28


def draw_digits(seed=0):
    """Return raw arrays like MNIST's; the same seed gives the same digits.

    Returns:
        A dict of x_train (60000, 28, 28), y_train (60000,), x_test (10000, 28, 28) and y_test (10000,), all uint8.
    """
    rng = np.random.default_rng(seed)
    glyphs = draw_glyphs()
    labels = rng.integers(0, 10, 70000)
    which = labels + 10 * rng.integers(0, len(glyphs) // 10, 70000)
    chunks = np.split(which, 350)  # small enough for the processor's cache
    images = np.concatenate([distort(glyphs, chunk, rng) for chunk in chunks])
    labels = labels.astype(np.uint8)
    return {"x_train": images[:60000], "y_train": labels[:60000], "x_test": images[60000:], "y_test": labels[60000:]}


def draw_glyphs():
    """Return the digits of every font in every stroke width: (fonts * strokes * 10, SIZE, SIZE) float32 in [0, 1]."""
    from PIL import Image, ImageDraw, ImageFont

    glyphs = []
    for name in FONTS:
        font = ImageFont.truetype(f"{environment.import_matplotlib().get_data_path()}/fonts/ttf/{name}.ttf", 56)
        for stroke in STROKES:
            for digit in "0123456789":
                image = Image.new("L", (SIZE, SIZE))
                draw = ImageDraw.Draw(image)
                left, top, right, bottom = draw.textbbox((0, 0), digit, font, stroke_width=stroke)
                corner = (SIZE - left - right) / 2, (SIZE - top - bottom) / 2
                draw.text(corner, digit, 255, font, stroke_width=stroke)
                glyphs.append(np.asarray(image, np.float32) / 255)
    return np.stack(glyphs)


def distort(glyphs, which, rng):
    """Return glyphs rotated, sheared, scaled, shifted and with noise, each at random.

    Args:
        glyphs: (m, SIZE, SIZE) float32 in [0, 1].
        which: (n,) indexes into `glyphs`.
        rng: numpy's random generator.

    Returns:
        (n, 28, 28) uint8.
    """
    n = len(which)
    angle, shear = rng.normal(0, 0.14, n), rng.normal(0, 0.2, n)
    width, height = rng.normal(2.3, 0.2, (2, n))  # glyph pixels per image pixel
    shift = rng.normal(0, 0.8, (2, n, 1, 1))
    # Where in the glyph does each pixel of the image come from?
    y, x = (np.mgrid[:28, :28][:, None] - 13.5 - shift).astype(np.float32)
    cos, sin, shear, width, height = (
        value[:, None, None].astype(np.float32) for value in (np.cos(angle), np.sin(angle), shear, width, height)
    )
    column = width * (cos * x + sin * y + shear * y) + SIZE / 2
    row = height * (cos * y - sin * x) + SIZE / 2
    # Bilinear interpolation: the weighted mean of the four glyph pixels around that position.
    column, row = np.clip(column, 0, SIZE - 1.001), np.clip(row, 0, SIZE - 1.001)
    left, top = column.astype(np.int32), row.astype(np.int32)
    right, down = column - left, row - top
    position = (which.astype(np.int32)[:, None, None] * SIZE + top) * SIZE + left
    flat = glyphs.ravel()
    ink = (1 - down) * ((1 - right) * flat[position] + right * flat[position + 1]) + down * (
        (1 - right) * flat[position + SIZE] + right * flat[position + SIZE + 1]
    )
    ink[ink > 0.02] += 0.06 * rng.standard_normal(np.count_nonzero(ink > 0.02), np.float32)
    ink *= rng.uniform(0.75, 1.1, (n, 1, 1)).astype(np.float32)
    return np.rint(255 * np.clip(ink, 0, 1)).astype(np.uint8)

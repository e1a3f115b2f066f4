"""The steps from an image file to 28x28: what Pillow opens, polarity, light, pieces, order, pen width, centre."""

import functools

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from scipy.ndimage import label

from benchmarks import pens
from digits import handwriting

pytestmark = pytest.mark.filterwarnings("error")  # a warning would be a second line on stderr

SEVEN = [np.array([(0.1, 0), (0.8, 0), (0.4, 1)])]


@functools.cache
def dark():
    """The seven in black on white, 200x160."""
    return pens.draw(SEVEN, (200, 160), 100, 8, np.random.default_rng(0))


def digits(image, single=False):
    """What is found in a PIL image, or in an array in [0, 1]."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray((255 * np.clip(image, 0, 1)).astype(np.uint8))
    return handwriting.find_digits(image.convert("RGB"), single)


def difference(images):
    """By how many grey levels `images` differ from that of the seven: 12.6 if moved by a pixel, 23.2 if empty."""
    return np.abs(images.astype(int) - digits(dark()).images).mean()


def with_alpha(mode, ink):
    """The seven in ink of one grey on a transparent background."""
    image = Image.new(mode, dark().size, (ink,) * (len(mode) - 1) + (0,))
    image.putalpha(ImageOps.invert(dark()))
    return image


FILES = {
    "light.png": lambda: ImageOps.invert(dark()),
    "P.gif": lambda: dark().convert("P"),
    "colour.webp": lambda: ImageOps.colorize(dark(), "#2040a0", "#ffffe0"),
    "red_on_black.png": lambda: ImageOps.colorize(dark(), "#ff2020", "black"),
    "I16.png": lambda: Image.fromarray(np.asarray(dark()).astype(np.uint16) * 16),  # 12 bits of a scanner
    "light_ink_transparent.png": lambda: with_alpha("RGBA", 255),
    "grey_ink_transparent.png": lambda: with_alpha("LA", 100),
    "dark_ink_transparent.png": lambda: with_alpha("RGBA", 0).crop(with_alpha("RGBA", 0).getbbox()),
    "corners_missing.png": lambda: dark().convert("RGBA").rotate(2, Image.BICUBIC, expand=True),
    "paper_on_transparent.png": lambda: ImageOps.expand(dark().convert("RGBA"), 60, (0, 0, 0, 0)),
    "faint_pencil.png": lambda: Image.eval(dark(), lambda value: 205 + 45 * value // 255),
}


@pytest.mark.parametrize("name", FILES)
def test_formats_modes_and_polarity_give_the_same_digit(tmp_path, name):
    FILES[name]().save(tmp_path / name)
    boxes, images, *_ = digits(handwriting.read_image(tmp_path / name))
    assert images.shape == (1, 28, 28) and images.dtype == np.uint8 and boxes.shape == (1, 4)
    assert difference(images) < 12


def test_a_phones_photograph_is_turned_upright_and_made_smaller(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    dark().rotate(90, expand=True).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    image = handwriting.read_image(tmp_path / "phone.jpg")
    assert image.size == dark().size and difference(digits(image).images) < 6
    dark().resize((4000, 3000)).save(tmp_path / "phone.jpg")
    assert handwriting.read_image(tmp_path / "phone.jpg").size == (1400, 1050)


def test_an_empty_page_has_no_digit_whatever_the_light():
    for size in ((8, 8), (28, 28), (31, 200), (1, 50), (1000, 700)):
        for value in (0, 130, 255):
            assert len(digits(Image.new("L", size, value)).boxes) == 0
    rng = np.random.default_rng(5)
    for size in ((800, 600), *((300, 400), (84, 84)) * 8):
        page = pens.finish(pens.light(size, rng)[..., None] * np.ones(3), rng, rng.uniform(0.01, 0.035), 75)
        assert len(digits(page).boxes) == 0


def test_the_28x28_is_made_as_mnists_are():
    for width in (2, 8, 20):
        (image,) = digits(pens.draw(SEVEN, (200, 160), 120, width, np.random.default_rng(1))).images
        left, top, right, bottom = Image.fromarray(image > 40).getbbox()
        assert 19 <= max(right - left, bottom - top) <= 20
        y, x = (np.average(axis, weights=image) for axis in np.mgrid[:28, :28])
        assert abs(y - 13.5) <= 0.5 and abs(x - 13.5) <= 0.5
        assert image.max() > 250 and image[0].max() == 0
        assert 0.08 < (image > 127).mean() < 0.2  # not a hair, not a blot


def test_pieces_of_a_digit_belong_together():
    five = [(0.2, 0.1), (0.2, 0.4), (0.7, 0.5), (0.6, 0.9), (0.1, 1)], [(0.35, 0), (0.9, 0)]  # its bar stands off
    seven = [(0, 0), (0.7, 0), (0.6, 0.3)], [(0.55, 0.4), (0.3, 1)]  # it has a gap
    four = [(0.2, 0), (0, 0.6), (0.5, 0.6)], [(0.6, 0.2), (0.6, 1)]  # its strokes do not meet
    for digit in (five, seven, four):
        strokes = [np.array(stroke, float) for stroke in digit]
        whole, part = (pens.draw(some, (200, 200), 120, 8, np.random.default_rng(0)) for some in (strokes, strokes[:1]))
        assert len(digits(whole, single=True).boxes) == len(digits(whole).boxes) == 1
        assert np.any(digits(whole).images[0] != digits(part).images)


def test_the_hole_of_thick_ink_that_fills_the_frame_is_no_ink():
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    thick = np.where((np.hypot(x / 0.95, y) < 1.05) & (np.hypot(x / 0.5, y / 0.6) > 1), 0, 1.0)
    for image in (thick, 1 - thick):
        (digit,) = digits(image, single=True).images
        assert digit[14, 14] < 60 and digit.max() > 200  # a 0, not a blot


def write_row(number, size, height=90, pen=7, step=1.15, slope=0.0):
    """Draw digits one after the other, dark on light, along a line that rises by `slope`; return a float page."""
    rng = np.random.default_rng(3)
    page = Image.new("L", size, 255)
    for place, digit in enumerate(number):
        tile = pens.draw(pens.written(int(digit), rng), (height, round(1.2 * height)), height, pen, rng)
        x = 40 + round(place * step * height)
        y = round(size[1] / 2 - 0.6 * height - slope * (x - size[0] / 2))
        page.paste(0, (x, y), ImageOps.invert(tile))
    return np.asarray(page, np.float32) / 255


@pytest.mark.parametrize("degrees", [3, 15, -10])
def test_a_sloping_row_is_followed(degrees):
    boxes = digits(write_row("31427", (640, 420), slope=np.tan(np.radians(degrees)))).boxes
    assert len(boxes) == 5 and list(boxes[:, 0]) == sorted(boxes[:, 0])


def test_a_hundred_digits_are_read_row_by_row_and_two_that_touch_are_cut_apart():
    rng = np.random.default_rng(0)
    page = Image.new("L", (1000, 1000), 255)
    corners = [(10 + 98 * column, 10 + 98 * row + rng.integers(-9, 10)) for row in range(10) for column in range(10)]
    for place, corner in enumerate(corners):
        page.paste(pens.draw(pens.written(place % 10, rng), (80, 80), 60, 5, rng), corner)
    before = digits(page).boxes
    assert len(before) == 100
    for (left, top, right, bottom), (x, y) in zip(before, corners):
        assert x <= left < right <= x + 80 and y <= top < bottom <= y + 80
    x = before[[48, 58]][:, [0, 2]].mean(axis=1)  # of two 8s, one below the other
    ImageDraw.Draw(page).line([(x[0], before[48, 3] - 9), (x[1], before[58, 1] + 9)], 0, 4)
    boxes, _, touching, _ = digits(page)
    assert list(np.flatnonzero(touching)) == [48, 58]
    np.testing.assert_allclose(boxes, before, atol=25)
    np.testing.assert_allclose(boxes[~touching], before[~touching], atol=2)


LARGE = {  # what may stand beside digits, on a page of 900x600
    "bracket": lambda draw: draw.line([(760, 30), (800, 60), (800, 560), (760, 580)], 0, 7),
    "drawing": lambda draw: draw.ellipse([300, 10, 560, 230], outline=0, width=8),
    "underline": lambda draw: draw.line([(60, 375), (700, 380)], 0, 6),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_much_larger_than_the_digits_beside_it_is_left_out_and_they_stay(name):
    row = write_row("52374", (900, 600))
    page = Image.fromarray((255 * row).astype(np.uint8))
    LARGE[name](ImageDraw.Draw(page))
    assert_same_boxes(page, row, 10)


def assert_same_boxes(page, other, tolerance, single=False):
    np.testing.assert_allclose(digits(page, single).boxes, digits(other, single).boxes, atol=tolerance)


def test_uneven_pens_a_dark_desk_and_the_size_of_the_picture_do_not_matter():
    row = write_row("52371", (640, 480))
    x, y = np.linspace(1, 0.2, 640), np.linspace(1, 0.6, 480)[:, None]
    assert_same_boxes(1 - 0.7 * (1 - row) * x * y, row, 8)  # a fifth as dark at one end
    desk = np.add.outer(np.arange(480), 0.4 * np.arange(640)) > 640
    assert_same_boxes(np.where(desk, 0.05, 0.6 + 0.4 * row), row, 8)
    large = Image.fromarray((255 * write_row("1058", (1400, 700), height=150)).astype(np.uint8))
    np.testing.assert_allclose(digits(large).boxes, 1.4 * digits(large.resize((1000, 500))).boxes, atol=6)


def test_printed_lines_and_boxes_are_left_out_and_dashes_belong_together():
    row = write_row("56124", (640, 300))
    ruled = row.copy()
    for y in (60, 130, 200, 270):
        ruled[y : y + 3] = 0.1  # as dark as the ink, through the digits
    assert_same_boxes(ruled, row, 6)
    row = write_row("77494", (640, 200), height=70, step=1.6)
    boxed = row.copy()
    for x in range(25, 640, 112):
        boxed[30:170, x : x + 3] = 0
    boxed[30:33, 25:588] = boxed[167:170, 25:588] = 0
    assert_same_boxes(boxed, row, 4)
    whole = write_row("3", (200, 200), height=150)
    assert_same_boxes(np.where(np.arange(200)[:, None] % 24 < 5, 1, whole), whole, 6, single=True)


def measure(image):
    """The width and the height of a 28x28 image's digit, in pixels."""
    return [np.ptp(np.flatnonzero((image > 127).any(axis=axis))) + 1 for axis in (0, 1)]


@pytest.mark.parametrize("single", [True, False])
def test_a_digit_stretched_to_a_square_frame_is_made_as_narrow_as_digits_are(single):
    tight = dark().crop(ImageOps.invert(dark()).getbbox())
    square = tight.resize((16, 16), Image.NEAREST)
    assert measure(digits(square, single).images[0]) == pytest.approx([16, 20], abs=1)
    # With paper around it, or in a frame of another shape, nobody has stretched it.
    assert measure(digits(ImageOps.expand(square, 4, 255), single).images[0]) == pytest.approx([20, 20], abs=1)
    assert measure(digits(tight, single).images[0]) == pytest.approx([20 * tight.width / tight.height, 20], abs=1)


def test_what_is_in_no_digit_is_told():
    row = write_row("3142", (640, 300))
    assert not digits(row).touching.any() and len(digits(row).dropped) == 0
    row[:40, 300:400] = write_row("8", (640, 300))[160:200, 30:130]  # of a row above, cut off by the frame
    row[100:106, 560:600] = 0  # a minus
    row[60:68, 230:240] = 0  # a speck
    row[200:240, 560:568] = 0.75  # too pale
    row[270:273] = 0  # a printed line
    boxes, _, _, dropped = digits(row)
    assert len(boxes) == 4
    expected = [(0, 270), (230, 60), (341, 0), (560, 100), (560, 200)]
    np.testing.assert_allclose(sorted(dropped[:, :2].tolist()), expected, atol=4)


def test_digits_that_touch_are_cut_apart():
    page = Image.new("L", (400, 200), 255)
    for x in (60, 130, 200):
        ImageDraw.Draw(page).ellipse((x, 50, x + 75, 150), outline=0, width=6)
    ImageDraw.Draw(page).line([(30, 50), (20, 150)], 0, 6)
    boxes, _, touching, dropped = digits(page)
    assert list(touching) == [False, True, True, True] and len(dropped) == 0
    np.testing.assert_allclose(boxes[:, 0], [16, 60, 132, 202], atol=4)
    dash = Image.new("L", (300, 200), 255)
    ImageDraw.Draw(dash).line([(40, 95), (260, 95)], 0, 8)
    assert list(digits(dash).touching) == [True]  # one that may be none, and not thirty


def test_a_stroke_that_turns_pale_stays_one_stroke():
    page = Image.new("L", (200, 300), 255)
    draw = ImageDraw.Draw(page)
    draw.line([(120, 90), (90, 60), (70, 90), (90, 120), (120, 90)], 0, 5)
    draw.line([(119, 94), (112, 150)], 165, 3)
    draw.line([(112, 150), (106, 200)], 0, 4)  # the stem of the 9
    np.testing.assert_allclose(digits(page).boxes, [[70, 60, 122, 200]], atol=5)


@pytest.mark.parametrize("seed", range(8))
def test_the_grain_of_a_small_scan_does_not_stick_to_its_digit(seed):
    """A scan of 28x28 is enlarged before its ink is looked for, and so is its grain."""
    rng = np.random.default_rng(seed)
    seven = np.asarray(pens.draw(SEVEN, (28, 28), 20, 3, np.random.default_rng(0))) / 255
    page = pens.finish(pens.light((28, 28), rng) * (0.4 + 0.6 * seven), rng, 0.05, 60)
    ((left, top, right, bottom),) = digits(page, single=True).boxes
    assert right - left <= 23 and 15 <= bottom - top <= 25


def test_a_point_between_two_digits_links_them_not():
    row = write_row("00", (300, 200), step=0.95)
    middle = int(digits(row).boxes[:, [0, 2]].mean())
    row[95:107, middle - 6 : middle + 6] = 0
    assert len(digits(row).boxes) == 2


@pytest.mark.parametrize("thickness", [3, 16])
def test_the_sides_of_a_cell_are_no_strokes_and_its_thick_dark_borders_no_paper(thickness):
    cell = write_row("3", (200, 200), height=90, pen=9) * 0.8
    lined = cell.copy()
    lined[:, 25:28] = lined[:, 155:158] = lined[165:168] = 0.2
    lined[:thickness] = lined[:, -thickness:] = 0
    assert_same_boxes(lined, cell, 6, single=True)


def test_a_pen_of_one_pixel_leaves_no_gaps():
    page = Image.new("L", (700, 700), 255)
    ImageDraw.Draw(page).line([(350, 60), (130, 420), (560, 420), (430, 200), (445, 650)], 0, 1)
    (image,) = digits(page, single=True).images
    assert label(image > 127, np.ones((3, 3)))[1] == 1 and measure(image)[1] == 20

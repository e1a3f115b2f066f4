"""The steps from an image file to 28x28: what Pillow opens, polarity, light, pieces, order, pen width, centre."""

import functools
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from benchmarks import pens
from digits import handwriting, mnist, synthetic
from digits.errors import UserError
from digits.handwriting import normalization, segmentation

pytestmark = pytest.mark.filterwarnings("error")  # a warning would be a second line on stderr

SEVEN = [np.array([(0.1, 0), (0.8, 0), (0.4, 1)])]


@functools.cache
def dark():
    """The seven in black on white, 200x160."""
    return pens.draw(SEVEN, (200, 160), 100, 8, np.random.default_rng(0))


def digits(image, single=False):
    return handwriting.find_digits(image.convert("RGB"), single)


@functools.cache
def expected():
    return digits(dark())[1]


def difference(images):
    """Return by how many grey levels of 255, on average, `images` differ from `expected`.

    For comparison: 12.6 where the seven lies one pixel further to the right, 23.2 where the image is empty.
    """
    return np.abs(images.astype(int) - expected()).mean()


def with_alpha(mode, ink):
    """The seven in ink of one grey on a transparent background."""
    image = Image.new(mode, dark().size, (ink,) * (len(mode) - 1) + (0,))
    image.putalpha(ImageOps.invert(dark()))
    return image


def corners_missing():
    return dark().convert("RGBA").rotate(2, Image.BICUBIC, expand=True)


FILES = {
    "1.png": lambda: dark().convert("1", dither=Image.NONE),
    "L.png": dark,
    "light.png": lambda: ImageOps.invert(dark()),
    "LA.png": lambda: dark().convert("LA"),
    "P.gif": lambda: dark().convert("P"),
    "RGB.bmp": lambda: dark().convert("RGB"),
    "RGBA.png": lambda: dark().convert("RGBA"),
    "grey.jpg": dark,
    "CMYK.jpg": lambda: dark().convert("CMYK"),
    "colour.webp": lambda: ImageOps.colorize(dark(), "#2040a0", "#ffffe0"),
    "red_on_black.png": lambda: ImageOps.colorize(dark(), "#ff2020", "black"),
    "I16.png": lambda: Image.fromarray(np.asarray(dark()).astype(np.uint16) * 16),  # 12 bits of a scanner
    "I.tif": lambda: dark().convert("I"),
    "F.tif": lambda: Image.fromarray(np.asarray(dark()) / np.float32(255)),
    "dark_ink_transparent.png": lambda: with_alpha("RGBA", 0),
    "light_ink_transparent.png": lambda: with_alpha("RGBA", 255),
    "grey_ink_transparent.png": lambda: with_alpha("LA", 100),
    "no_room_transparent.png": lambda: with_alpha("RGBA", 0).crop(with_alpha("RGBA", 0).getbbox()),
    "corners_missing.png": corners_missing,
    "faint.png": lambda: Image.eval(dark(), lambda value: 180 + value // 5),
}


@pytest.mark.parametrize("name", FILES)
def test_formats_modes_and_polarity_give_the_same_digit(tmp_path, name):
    FILES[name]().save(tmp_path / name)
    boxes, images, *_ = digits(handwriting.read_image(tmp_path / name))
    assert images.shape == (1, 28, 28) and images.dtype == np.uint8 and boxes.shape == (1, 4)
    assert difference(images) < 12


@pytest.mark.parametrize(("orientation", "turn"), [(3, 180), (6, 90), (8, 270)])
def test_exif_rotation_is_undone(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x112] = orientation
    dark().rotate(turn, expand=True).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    image = handwriting.read_image(tmp_path / "phone.jpg")
    assert image.size == dark().size
    assert difference(digits(image)[1]) < 6


def test_a_phones_photograph_is_made_smaller_at_once(tmp_path):
    dark().resize((4000, 3000)).save(tmp_path / "phone.jpg")
    assert handwriting.read_image(tmp_path / "phone.jpg").size == (1400, 1050)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (31, 200), (1, 50), (1000, 700)])
def test_a_blank_page_has_no_digit(size):
    for value in (0, 130, 255):
        assert len(digits(Image.new("L", size, value))[0]) == 0


def test_grain_alone_is_no_digit():
    grain = np.random.default_rng(0).normal(220, 3, (300, 400))
    assert len(digits(Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)))[0]) == 0


def test_the_28x28_is_made_as_mnists_are():
    """Whatever the pen: 20 pixels long, the centre of mass in the middle, the middle of the stroke fully white."""
    for width in (2, 8, 20):
        drawing = pens.draw(SEVEN, (200, 160), 120, width, np.random.default_rng(1))
        (image,) = digits(drawing)[1]
        left, top, right, bottom = normalization.bounding_box(image > 40)
        assert 19 <= max(right - left, bottom - top) <= 20
        y, x = (np.average(axis, weights=image) for axis in np.mgrid[:28, :28])
        assert abs(y - 13.5) <= 0.5 and abs(x - 13.5) <= 0.5
        assert image.max() > 250 and image[0].max() == 0
        assert 0.08 < (image > 127).mean() < 0.2  # not a hair, not a blot


def test_uneven_light_and_shadow_do_not_matter():
    rng = np.random.default_rng(2)
    for _ in range(5):
        shaded = Image.fromarray((np.asarray(dark()) * pens.light(dark().size, rng)).astype(np.uint8))
        assert difference(digits(shaded)[1]) < 6


@pytest.mark.parametrize("size", [(160, 160), (28, 28), (75, 61)])
def test_repeated_pixels_are_undone(size):
    small = np.random.default_rng(0).random((8, 8), np.float32)
    large = np.asarray(Image.fromarray(small).resize(size, Image.NEAREST))
    np.testing.assert_array_equal(segmentation.undo_repetition(large), small)


def test_rows_are_read_from_the_top_and_each_from_the_left():
    page = Image.new("L", (300, 220), 255)
    corners = [(10, 10), (110, 22), (210, 4), (30, 120), (180, 130)]
    rng = np.random.default_rng(0)
    for corner in corners:
        page.paste(pens.draw(SEVEN, (70, 80), 70, 6, rng), corner)
    boxes, images, *_ = digits(page)
    assert len(images) == 5
    for (left, top, right, bottom), (x, y) in zip(boxes, corners):
        assert x <= left < right <= x + 70 and y <= top < bottom <= y + 80


BROKEN = {
    "a 5 whose bar stands off": ([[(0.2, 0.1), (0.2, 0.4), (0.7, 0.5), (0.6, 0.9), (0.1, 1)]], [[(0.35, 0), (0.9, 0)]]),
    "a 7 with a gap": ([[(0, 0), (0.7, 0), (0.6, 0.3)]], [[(0.55, 0.4), (0.3, 1)]]),
    "a 4 whose strokes do not meet": ([[(0.2, 0), (0, 0.6), (0.5, 0.6)]], [[(0.6, 0.2), (0.6, 1)]]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_pieces_of_a_digit_belong_together(name):
    strokes = [np.array(stroke, float) for part in BROKEN[name] for stroke in part]
    drawing = pens.draw(strokes, (200, 200), 120, 8, np.random.default_rng(0))
    for single in (True, False):
        assert len(digits(drawing, single)[0]) == 1
    together = digits(drawing).images
    assert np.any(together[0] != digits(pens.draw(strokes[:1], (200, 200), 120, 8, np.random.default_rng(0)))[1])


def test_specks_are_dropped():
    dirty = dark().copy()
    for corner in ((5, 5), (190, 150), (100, 3)):
        dirty.paste(0, (*corner, corner[0] + 3, corner[1] + 3))
    assert difference(digits(dirty)[1]) < 1


def test_a_lone_digit_is_not_taken_apart():
    """Of the stand-in's digits, in every font, nearly all are found whole, and alone."""
    images = synthetic.distort(synthetic.draw_glyphs(), np.arange(0, 480, 3), np.random.default_rng(0))
    assert np.mean([len(digits(Image.fromarray(image))[0]) == 1 for image in images]) > 0.97


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00\x08\x00\x00\x00"])
def test_a_file_that_is_no_image(tmp_path, content):
    (tmp_path / "p.png").write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(UserError, match=r"p\.png"):
        warnings.simplefilter("error")
        handwriting.read_image(tmp_path / "p.png")


def test_an_empty_page_has_no_digit_whatever_the_light():
    rng = np.random.default_rng(5)
    for size in ((800, 600), (300, 400), (84, 84)):
        for _ in range(8):
            page = pens.finish(pens.light(size, rng)[..., None] * np.ones(3), rng, rng.uniform(0.01, 0.035), 75)
            assert len(handwriting.find_digits(page.convert("RGB"))[0]) == 0


def test_a_faint_pencil_on_an_even_page_is_found():
    image = Image.new("L", (200, 200), 250)
    ImageDraw.Draw(image).line((100, 40, 100, 160), 205, 8)
    assert len(handwriting.find_digits(image)[0]) == 1


def test_a_hole_that_a_blur_has_nearly_closed_is_open_again():
    scan = np.array([[0, 9, 9, 0], [9, 6, 7, 9], [9, 6, 6, 9], [9, 6, 6, 9], [9, 6, 7, 9], [0, 9, 9, 0]], np.uint8)
    image = Image.fromarray(np.pad(28 * scan, 2)).resize((160, 200), Image.BICUBIC)
    (digit,) = handwriting.find_digits(image, single=True)[1]
    assert digit[14, 14] < 60 and digit.max() > 200  # a 0, not a blot


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("times", [1, 10])
def test_what_is_as_mnists_already_stays_as_it_is(mnist_folder, turned, times):
    for image in mnist.read_mnist(mnist_folder)["x_test"][:50]:
        large = Image.fromarray(255 - image if turned else image).resize((28 * times, 28 * times), Image.NEAREST)
        (box,), (found,), *_ = digits(large)
        np.testing.assert_array_equal(found, image)
        assert max(box[2] - box[0], box[3] - box[1]) == 20 * times


def test_what_only_has_the_size_of_mnists_is_redrawn(mnist_folder):
    image = np.roll(mnist.read_mnist(mnist_folder)["x_test"][0], 3, axis=1)
    (found,) = digits(Image.fromarray(image))[1]
    assert (found != image).any()


def write_row(number, size, height=90, pen=7, step=1.15, slope=0.0, seed=3):
    """Draw digits one after the other, dark on light, along a line that rises by `slope`; return a float page."""
    rng = np.random.default_rng(seed)
    page = Image.new("L", size, 255)
    for place, digit in enumerate(number):
        tile = pens.draw(pens.written(int(digit), rng), (height, round(1.2 * height)), height, pen, rng)
        x = 40 + round(place * step * height)
        mask = ImageOps.invert(tile)
        page.paste(0, (x, round(size[1] / 2 - 0.6 * height - slope * (x - size[0] / 2))), mask)
    return np.asarray(page, np.float32) / 255


def found(page):
    return digits(Image.fromarray((255 * np.clip(page, 0, 1)).astype(np.uint8)))


def test_a_sloping_row_is_followed():
    for degrees in (3, 8, 15, -10):
        boxes = found(write_row("31427", (640, 420), slope=np.tan(np.radians(degrees)))).boxes
        assert len(boxes) == 5 and list(boxes[:, 0]) == sorted(boxes[:, 0])


def test_uneven_pens_are_found_whole():
    """A pen that presses a fifth as hard at one end of the row, and below."""
    page = write_row("52371", (640, 200))
    plain = found(page).boxes
    x, y = np.linspace(1, 0.2, 640), np.linspace(1, 0.6, 200)[:, None]
    uneven = found(1 - 0.7 * (1 - page) * x * y)
    assert len(uneven.boxes) == 5
    np.testing.assert_allclose(uneven.boxes, plain, atol=8)


def test_rulings_are_left_out():
    page = write_row("56124", (640, 300))
    ruled = page.copy()
    for y in (60, 130, 200, 270):
        ruled[y : y + 3] = 0.1  # as dark as the ink, through the digits
    np.testing.assert_allclose(found(ruled).boxes, found(page).boxes, atol=6)


def test_boxes_are_left_out():
    page = write_row("77494", (640, 200), height=70, step=1.6)
    boxes = page.copy()
    for x in range(25, 640, 112):
        boxes[30:170, x : x + 3] = 0
    boxes[30:33, 25:588] = boxes[167:170, 25:588] = 0
    np.testing.assert_allclose(found(boxes).boxes, found(page).boxes, atol=4)


def test_a_single_cell_with_its_lines():
    cell = np.asarray(
        pens.draw(pens.written(7, np.random.default_rng(1)), (200, 200), 100, 6, np.random.default_rng(1))
    )
    framed = cell.copy()
    framed[10:14] = framed[186:190] = framed[:, 12:16] = framed[:, 184:188] = 0
    plain, boxed = (digits(Image.fromarray(image), True) for image in (cell, framed))
    np.testing.assert_allclose(boxed.boxes, plain.boxes, atol=3)


def test_the_desk_and_the_frame_are_no_ink():
    page = write_row("1058", (640, 480))
    side, slope = np.zeros(page.shape, bool), np.add.outer(np.arange(480), 0.4 * np.arange(640)) > 640
    side[:, 610:] = True
    for desk in (side, slope):
        for paleness in (0, 0.6):
            assert len(found(np.where(desk, 0.05, paleness + (1 - paleness) * page)).boxes) == 4


def test_the_size_of_the_picture_does_not_matter():
    page = Image.fromarray((255 * write_row("1058", (1400, 700), height=150)).astype(np.uint8))
    large, small = digits(page), digits(page.resize((1000, 500)))
    np.testing.assert_allclose(large.boxes, 1.4 * small.boxes, atol=6)


def test_thick_ink_that_fills_the_frame_is_dark_on_light():
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    ring = np.hypot(x / 0.95, y)
    page = np.where((ring < 1.05) & (np.hypot(x / 0.5, y / 0.6) > 1), 0, 1.0)
    for image in (page, 1 - page):
        (digit,) = digits(Image.fromarray((255 * image).astype(np.uint8)), True).images
        assert digit[14, 14] < 60 and digit.max() > 200  # the hole is a hole


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


@pytest.mark.parametrize("seed", [4, 21])
def test_strokes_along_the_frame_of_a_small_scan_are_ink(seed):
    rng = np.random.default_rng(seed)
    five = pens.draw(pens.written(5, rng), (200, 200), 100, 5, rng)
    scan = five.crop(ImageOps.invert(five).getbbox()).resize((16, 16), Image.BOX).point(lambda grey: 255 * (grey > 190))
    (image,) = digits(scan, single=True).images
    assert measure(image) == pytest.approx([16, 20], abs=1)


def test_a_patch_on_transparent_ground_is_paper(tmp_path):
    image = Image.new("RGBA", (300, 260), (0, 0, 0, 0))
    image.paste(dark().convert("RGBA"), (60, 40))
    image.save(tmp_path / "patch.png")
    assert difference(digits(handwriting.read_image(tmp_path / "patch.png")).images) < 12


def test_dashes_are_one_digit_where_one_is_known():
    page = np.array(
        pens.draw([pens.written(3, np.random.default_rng(0))[0]], (200, 200), 150, 7, np.random.default_rng(0))
    )
    whole = digits(Image.fromarray(page), True).boxes
    page[::24] = page[1::24] = page[2::24] = page[3::24] = page[4::24] = 255
    np.testing.assert_allclose(digits(Image.fromarray(page), True).boxes, whole, atol=6)


def test_doubt():
    page = write_row("31427", (640, 300))
    assert not found(page).wide.any() and len(found(page).dropped) == 0
    page[150:154, 60:220] = 0  # a line joins the first two
    assert found(page).wide.any()
    row, other = write_row("3142", (640, 300)), write_row("8", (640, 300))
    row[:40, 300:400] = other[160:200, 30:130]  # of a row above, cut off by the frame
    assert len(found(row).boxes) == 4 and len(found(row).dropped) == 1


def test_a_hundred_digits_are_all_found():
    rng = np.random.default_rng(0)
    page = Image.new("L", (1000, 1000), 255)
    for place in range(100):
        tile = pens.draw(pens.written(place % 10, rng), (80, 80), 60, 5, rng)
        page.paste(tile, (10 + 98 * (place % 10), 10 + 98 * (place // 10)))
    boxes = digits(page).boxes
    assert len(boxes) == 100
    assert [int(left // 98) for left in boxes[:, 0]] == 10 * list(range(10))


@pytest.mark.parametrize("seed", [52, 56])
def test_a_shadow_over_most_of_the_paper_does_not_turn_it_round(seed):
    """It covers most of the rim and the corners, but shadow and paper are not two levels as clear as a scan's."""
    assert len(digits(pens.photograph(SEVEN, np.random.default_rng(seed), megapixels=0.1), single=True).images) == 1


@pytest.mark.parametrize("seed", [2, 3, 4, 5, 7, 13, 23, 39])
def test_the_grain_of_a_small_scan_does_not_stick_to_its_digit(seed):
    """A scan of 28x28 is enlarged before its ink is looked for, and so is its grain."""
    seven = ImageOps.invert(pens.draw(SEVEN, (28, 28), 20, 3, np.random.default_rng(0)))
    ((left, top, right, bottom),) = digits(pens.on_paper(seven, np.random.default_rng(seed)), single=True).boxes
    assert right - left <= 23 and 15 <= bottom - top <= 25

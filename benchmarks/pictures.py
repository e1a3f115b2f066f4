"""plots/gallery/, the figures that the READMEs show: those of it that are in plots/ too, and pictures of draw.html.

python cnn.py                    and the other commands whose figures are to be renewed, first
python -m benchmarks.pictures    needs Playwright and Chromium for draw.png and draw.webp, of plots/cnn/draw.html
"""

import importlib.util
import io
import shutil

import numpy as np
from PIL import Image

from benchmarks import pens
from digits import cli, drawing
from digits.errors import UserError
from digits.files import atomic_write

GALLERY = drawing.PLOTS / "gallery"
SIZE = {"width": 1280, "height": 800}
DIGIT = 3  # the digit of slide 27
STEP = 6  # points of a stroke from one frame to the next


def main(args):
    for picture in sorted(GALLERY.rglob("*.png")):
        source = drawing.PLOTS / picture.relative_to(GALLERY)
        if source.exists():
            shutil.copy(source, picture)
            print(f"Copied: {source}")
    path, chromium = drawing.PLOTS / "cnn" / "draw.html", shutil.which("chromium")
    if not path.exists():
        raise UserError(f"there is no {path}: run `python cnn.py` first")
    if not (chromium and importlib.util.find_spec("playwright")):
        raise UserError("needs Chromium, and Playwright: `python -m pip install -r requirements-dev.txt`")
    from playwright.sync_api import sync_playwright

    strokes = pens.written(DIGIT, np.random.default_rng(3))
    low = np.concatenate(strokes).min(axis=0)
    strokes = [(stroke - low) * 190 + [75, 45] for stroke in strokes]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
        page.goto(path.absolute().as_uri())
        page.click("#clear")
        frames = list(draw(page, strokes))
        page.hover(".convolution canvas >> nth=7", position={"x": 36, "y": 24})
        page.wait_for_selector("#trace h2")
        frames[-1:] = [take_screenshot(page)] * 12  # to be looked at
    save(GALLERY / "draw.png", frames[-1].quantize())
    size = SIZE["width"] * 9 // 16, SIZE["height"] * 9 // 16
    small = [frame.resize(size, Image.LANCZOS) for frame in frames]
    animation = {"save_all": True, "append_images": small[1:], "duration": 200, "loop": 0}  # milliseconds, for ever
    save(GALLERY / "draw.webp", small[0], quality=35, **animation)


def draw(page, strokes):
    """Draw strokes, in the units of the pad, with the mouse; yield a screenshot every `STEP` points."""
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = stroke * box["width"] / 280 + [box["x"], box["y"]]
        page.mouse.move(*points[0])
        page.mouse.down()
        for i, point in enumerate(points):
            page.mouse.move(*point)
            if i % STEP == 0:
                yield take_screenshot(page)
        page.mouse.up()


def take_screenshot(page):
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(path, image, **options):
    with atomic_write(path) as part:
        image.save(part, **options)
    print(f"Written: {path} ({path.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    cli.run(main, cli.argument_parser(__doc__, "-m benchmarks.pictures"))

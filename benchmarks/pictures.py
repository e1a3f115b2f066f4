"""plots/gallery/, what the READMEs show: those of its figures that are in plots/ too, draw.html, and pictures of it.

python mlp.py                    then
python cnn.py                    whose page has the MLP beside it; and what else draws a figure that is to be renewed
python -m benchmarks.pictures    needs Playwright and Chromium for draw.png and draw.webp
"""

import io
import re
import shutil

import numpy as np
from PIL import Image

from benchmarks import pens
from digits import flags, runs
from digits.errors import UserError
from digits.files import atomic_write

GALLERY = runs.PLOTS / "gallery"
VALUE, PROBABILITY = "1,7,13,14", "7,0,3,0"  # what is pinned: a stage, a map, a row, a column


def main(args):
    for picture in sorted(GALLERY.rglob("*.png")):
        source = runs.PLOTS / picture.relative_to(GALLERY)
        if source.exists():
            shutil.copy(source, picture)
            print(f"Copied: {source}")
    source, path = runs.PLOTS / "cnn" / "draw.html", GALLERY / "draw.html"
    if not source.exists():
        raise UserError(f"there is no {source}: run `python cnn.py` first")
    html = re.sub("<nav>.*?</nav>\n", "", source.read_text("utf-8"), flags=re.DOTALL)  # there is no report beside it
    path.write_text(html, encoding="utf-8")
    from playwright.sync_api import sync_playwright

    strokes = pens.written(3, np.random.default_rng(3))  # the digit of slide 27
    low = np.concatenate(strokes).min(axis=0)
    strokes = [(stroke - low) * 190 + [75, 45] for stroke in strokes]  # the pad is 280 wide
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US", color_scheme="light")
        page.goto(path.absolute().as_uri())
        page.wait_for_function("window.digits")
        page.click("#clear")
        box = page.locator("#pad").bounding_box()
        frames = []
        for stroke in strokes:
            points = stroke * box["width"] / 280 + [box["x"], box["y"]]
            page.mouse.move(*points[0])
            page.mouse.down()
            for i, point in enumerate(points):
                page.mouse.move(*point)
                if i % 6 == 0:
                    frames.append(take_screenshot(page))
            page.mouse.up()
        page.evaluate("digits.state.solved = true")  # as if one had asked for products
        for pin, held in {VALUE: 12, PROBABILITY: 10}.items():  # to be looked at
            page.evaluate("pin => (location.hash = `#en&pin=${pin}`)", pin)
            page.wait_for_selector(f"#link[href*='pin={pin}']")
            frames += [take_screenshot(page)] * held
            if pin == VALUE:
                save(GALLERY / "draw.png", frames[-1].quantize())
                for _ in range(8):
                    page.click("#step")
                    frames.append(take_screenshot(page))
    small = [frame.resize((760, 427), Image.LANCZOS) for frame in frames]
    animation = {"save_all": True, "append_images": small[1:], "duration": 250, "loop": 0}  # milliseconds, for ever
    save(GALLERY / "draw.webp", small[0], quality=30, **animation)


def take_screenshot(page):
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(path, image, **options):
    with atomic_write(path) as part:
        image.save(part, **options)
    print(f"Written: {path} ({path.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    flags.run_command(main, flags.argument_parser(__doc__, "-m benchmarks.pictures"))

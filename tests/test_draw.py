"""plots/<run>/draw.html in a real browser: the same numbers as Keras, drawing, tracing, languages, widths, schemes."""

import contextlib
import itertools
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import pens
from conftest import read_metrics, run_script
from digits import handwriting, runs, synthetic
from digits.handwriting.normalization import STROKE
from digits.pages import draw

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
RUNS = {"cnn": "cnn_dryrun_synthetic", "mlp": "mlp_256_dryrun_synthetic"}
SEVEN = [[(70, 60), (200, 60), (120, 240)]]  # in the units of the pad, 280x280


@pytest.fixture(scope="module")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: requirements-dev.txt installs it")
    if not CHROMIUM:
        pytest.skip("needs Chromium: it is not installed")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM)


@pytest.fixture
def open_page(chromium):
    """A function that opens a run's page; at the end of the test, none has complained or asked the network."""
    complaints = []

    def open_page(folder, run, **context):
        opened = chromium.new_context(**{"locale": "en-US", "viewport": {"width": 1600, "height": 900}} | context)
        page = opened.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url[:5] not in ("file:", "data:") and complaints.append(request.url))
        page.goto((folder / "plots" / run / "draw.html").as_uri())
        page.wait_for_function("document.getElementById('prediction').textContent")
        return page

    yield open_page
    assert complaints == []


# In the page: the name and the values of every layer, of an image; the image that strokes become.
ACTIVATIONS = "pixels => Object.entries(digits.activations(pixels)).map(([name, values]) => [name, [...values]])"
NORMALIZE = """async ([strokes, pen, widths]) => {
    const { normalizeStrokes } = await import("digits/strokes.js");
    return [...normalizeStrokes(strokes, pen, widths)];
}"""


def normalize(page, strokes, pen=20):
    """The image that the page makes of strokes and the width of a pen."""
    return np.array(page.evaluate(NORMALIZE, [[np.array(stroke).tolist() for stroke in strokes], pen, STROKE]))


def replay(page, strokes):
    """Draw strokes of points, in the units of the pad, with the mouse, on an empty pad."""
    if page.locator("#clear").is_enabled():
        page.click("#clear")
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def load(folder, run):
    """A saved run's Keras model."""
    with contextlib.chdir(folder):
        return runs.load_model(run)


def settle(page):
    """Wait until the page is up to date, which it is brought once per frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def draw_images():
    """200 synthetic digits as the networks take them."""
    rng, glyphs = np.random.default_rng(0), synthetic.draw_glyphs()
    images = synthetic.distort(glyphs, rng.integers(0, len(glyphs), 200), rng)
    return images.reshape(200, 784).astype(np.float32) / 255


@pytest.mark.parametrize("run", RUNS.values())
def test_every_layers_activations_are_those_of_keras(open_page, trained_folder, run):
    import keras

    model, page, images = load(trained_folder, run), open_page(trained_folder, run), draw_images()
    found = page.evaluate("images => images.map(digits.predict)", images.tolist())
    assert np.abs(found - model.predict(images, verbose=0)).max() < 1e-4
    outputs = keras.Model(model.inputs, [layer.output for layer in model.layers]).predict(images[:1], verbose=0)
    activations = page.evaluate(ACTIVATIONS, images[0].tolist())
    assert [name for name, _ in activations] == [layer.name for layer in model.layers]
    for (name, values), output in zip(activations, outputs):
        assert np.abs(values - output.ravel()).max() < 1e-4, name


@pytest.mark.slow
def test_the_decks_cnn_predicts_what_keras_predicts_and_recognises_what_is_drawn(open_page, cnn, mnist):
    page, images, rng = open_page(cnn, "cnn"), mnist.x_test[:200], np.random.default_rng(5)
    found = page.evaluate("images => images.map(digits.predict)", images.tolist())
    assert np.abs(found - load(cnn, "cnn").predict(images, verbose=0)).max() < 1e-4
    labels, images = np.arange(200) % 10, []
    for digit in labels:
        height = rng.uniform(100, 200)
        images.append(normalize(page, [height * stroke for stroke in pens.written(digit, rng)]).tolist())
    found = page.evaluate("images => images.map(digits.predict)", images)
    assert np.mean(np.argmax(found, axis=1) == labels) >= 0.95


def test_a_finger_draws_too(open_page, trained_folder):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    page = open_page(trained_folder, RUNS["mlp"], **phone)
    page.click("#clear")
    box, touches = page.locator("#pad").bounding_box(), page.context.new_cdp_session(page)
    points = [{"x": box["x"] + x * box["width"] / 280, "y": box["y"] + y * box["height"] / 280} for x, y in SEVEN[0]]
    for kind, touched in [("touchStart", points[:1]), *(("touchMove", [point]) for point in points), ("touchEnd", [])]:
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
    assert np.abs(page.evaluate("digits.image()") - normalize(page, SEVEN)).mean() < 0.005
    assert page.evaluate("scrollY") == 0


def test_strokes_become_the_image_that_predict_py_makes_of_them(open_page, trained_folder):
    page, rng = open_page(trained_folder, RUNS["cnn"]), np.random.default_rng(1)
    differences = []
    for digit in np.arange(40) % 10:
        strokes, width = pens.written(digit, rng), rng.uniform(5, 30)
        image = pens.draw(strokes, (350, 350), 150, width, rng)
        expected = handwriting.find_digits(image.convert("RGB"), single=True).images[0] / 255
        found = normalize(page, [150 * stroke for stroke in strokes], width).reshape(28, 28)
        # The centre of mass may be rounded to the next pixel.
        moved = [np.roll(found, shift, (0, 1)) for shift in itertools.product((-1, 0, 1), repeat=2)]
        differences.append(min(np.abs(image - expected).mean() for image in moved))
    # For comparison: about 0.05 where a digit lies one pixel further to the right, 0.1 where the image is empty.
    assert np.mean(differences) < 0.02 and max(differences) < 0.035, differences


def test_undo_clear_pen_and_examples(open_page, trained_folder):
    page = open_page(trained_folder, RUNS["mlp"])

    def image():
        return np.array(page.evaluate("digits.image()"))

    assert "Test image" in page.text_content("#caption") and image().any()
    replay(page, SEVEN)
    seven = image()
    assert not page.text_content("#caption")
    assert np.abs(seven - normalize(page, SEVEN)).mean() < 0.005
    page.fill("#pen", "40")
    assert image().sum() > seven.sum() + 5
    page.fill("#pen", "20")
    replay(page, [*SEVEN, [(90, 150), (200, 150)]])
    assert (image() != seven).any()
    page.click("#undo")
    assert (image() == seven).all()
    page.click("#undo")
    settle(page)
    assert not image().any() and page.is_disabled("#undo") and page.is_disabled("#clear")
    captions = set()
    for _ in range(36):
        page.click("#show")
        settle(page)
        captions.add(re.sub("Test image .*: label .", "", page.text_content("#caption")))
    assert any("misclassified as" in caption for caption in captions) and len(captions) > 3


def test_a_hand_on_the_keyboard_draws_and_traces(open_page, trained_folder):
    page = open_page(trained_folder, RUNS["cnn"])
    page.click("#clear")
    page.mouse.move(0, 0)  # where no map can be scrolled under it: that would be traced instead
    page.focus("#pad")
    page.keyboard.press("Space")
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    drawn = page.evaluate("digits.image()")
    page.keyboard.press("ArrowLeft")
    assert np.sum(drawn) > 20 and page.evaluate("digits.image()") == drawn
    page.locator(".hidden .maps").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#trace h2')?.textContent.startsWith('Hidden layer 1')")
    page.locator(".convolution .maps").first.focus()
    page.keyboard.press("PageDown")
    page.wait_for_function("document.querySelector('#trace h2').textContent.includes('map 2, row 15, column 15')")
    page.focus("#bars button:nth-child(4)")
    page.wait_for_function("document.querySelector('#trace h2').textContent.startsWith('Output, 3')")


def test_a_traced_value_is_the_activation_and_its_terms_add_up(open_page, trained_folder):
    page, model = open_page(trained_folder, RUNS["cnn"]), load(trained_folder, RUNS["cnn"])
    replay(page, SEVEN)
    kinds = ("Conv2D", "MaxPooling2D", "Dense")
    outputs = [values for _, values in page.evaluate(ACTIVATIONS, page.evaluate("digits.image()"))]
    stages = [stage for stage in zip(model.layers, outputs) if type(stage[0]).__name__ in kinds]
    sources = [1, 1, 16, 1, 1]  # frames around what the value is computed from
    for number, ((layer, values), count) in enumerate(zip(stages, sources), start=1):
        shape, place, greatest = layer.output.shape[1:], int(np.argmax(values)), max(values)
        rows, columns, maps = shape if len(shape) == 3 else (-(-shape[0] // 32), 32, 1)
        y, x, at = np.unravel_index(place, (rows, columns, maps))
        name = f"map {at + 1}, row {y + 1}, column {x + 1}" if len(shape) == 3 else f"unit {place + 1}"
        canvas = page.locator(f".stage:nth-child({number + 1}) canvas").nth(int(at))
        size = canvas.bounding_box()
        place = {"x": size["width"] * (x + 0.5) / columns, "y": size["height"] * (y + 0.5) / rows}
        canvas.hover(position=place, force=True)  # a frame may lie over it
        settle(page)
        assert page.text_content("#trace h2").endswith(f"{name}: {greatest:.2f}")
        written = page.text_content("#trace .sum").replace("\N{MINUS SIGN}", "-")
        terms, total = written.split(" = ")
        assert float(total) == pytest.approx(greatest, abs=0.006)
        numbers = [float(term.replace(" ", "")) for term in re.findall(r"-? ?\d+\.\d\d", terms)]
        worked = max(numbers) if "max" in terms else sum(numbers)
        assert worked == pytest.approx(greatest, abs=0.006 * len(numbers))
        assert page.locator(".frame.traced").count() == 1
        assert page.locator(".frame.from").count() == count
    digit = np.argmax(outputs[-1])
    assert page.text_content("#prediction") == f"Prediction: {digit}"
    page.hover(f"#bars button:nth-child({digit + 1})")
    settle(page)
    assert f"Σ exp = {max(outputs[-1]):.4f}" in page.text_content("#trace")
    assert re.search(r" = .*\(unit \d+\)", page.text_content(".lists"))


def test_a_hidden_unit_of_an_mlp_shows_its_784_weights(open_page, trained_folder):
    page = open_page(trained_folder, RUNS["mlp"])
    page.locator(".hidden canvas").hover(position={"x": 1, "y": 1})
    page.wait_for_selector("#trace figure")
    opacity = "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 3)"
    shown = np.array(page.locator("#trace canvas").first.evaluate(opacity))
    weights = np.abs(load(trained_folder, RUNS["mlp"]).layers[0].kernel.numpy()[:, 0])
    assert np.abs(shown - 255 * weights / weights.max()).max() <= 1


def test_every_width_language_and_scheme(open_page, trained_folder):
    """Each width, both languages and both schemes, in three passes."""
    passes = [(360, "en-US", "dark"), (800, "zh-TW", "light"), (1600, "zh-TW", "dark")]
    for run, (width, locale, scheme) in itertools.product(RUNS.values(), passes):
        title = "Draw a digit" if locale == "en-US" else "手寫數字辨識"
        size = {"width": width, "height": 800}
        page = open_page(trained_folder, run, viewport=size, locale=locale, color_scheme=scheme)
        assert page.text_content("h1") == title
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", background))) < 128) is (scheme == "dark")
        places = """["#pad", "#bars", "#network", "footer"].map(part => {
            const { left, top, width, height } = document.querySelector(part).getBoundingClientRect();
            return [left, top + scrollY, width, height];
        })"""
        before = page.evaluate(places)
        replay(page, SEVEN)
        page.click("#bars button:nth-child(8)")
        page.wait_for_selector("#trace h2")
        assert page.evaluate(places) == before  # nothing moves
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        metrics, footer = read_metrics(trained_folder, run), page.inner_text("footer")
        for part in (run, f"{metrics['test_accuracy']:.4f}", metrics["date"], metrics["versions"]["keras"]):
            assert part in footer
        assert "SYNTHETIC" in page.inner_text(".warning")
        page.click("#language")
        assert page.text_content("h1") != title
        assert not re.search(r"\{|undefined|NaN", page.inner_text("body"))


def test_both_languages_say_the_same():
    english, chinese = json.loads((draw.FOLDER / "text.json").read_text(encoding="utf-8")).values()
    assert english.keys() == chinese.keys()
    for name in english:
        places = [sorted(re.findall(r"\{\w+\}", text[name])) for text in (english, chinese)]
        assert places[0] == places[1], name


def test_the_scripts_name_the_page_and_the_index_links_to_it(trained_folder, tmp_path):
    name = "mlp_3_dryrun_synthetic"
    process = run_script(tmp_path, "mlp.py", "--dataset", "synthetic", "--dry-run", "--hidden", 3)
    assert process.stdout.rstrip().endswith(f"Draw a digit yourself: open plots/{name}/draw.html in a browser")
    page = tmp_path / "plots" / name / "draw.html"
    written = page.read_text(encoding="utf-8")
    page.unlink()
    shutil.copytree(trained_folder / "models", tmp_path / "models", dirs_exist_ok=True)
    process = run_script(tmp_path, "evaluate.py", name)
    assert process.returncode == 0, process.stderr
    assert page.read_text(encoding="utf-8") == written
    index = (tmp_path / "plots/index.html").read_text(encoding="utf-8")
    assert re.findall('href="(.*?draw.html)"', index) == [f"{name}/draw.html"]  # the other runs have no page here


def test_a_layer_that_the_page_cannot_compute_is_named(tensorflow, trained_folder, tmp_path):
    import keras
    from keras import layers

    unknown = {
        "BatchNormalization": [layers.Flatten(), layers.BatchNormalization()],
        "activation=tanh": [layers.Flatten(), layers.Dense(5, activation="tanh")],
        "padding=valid": [layers.Conv2D(2, 3), layers.Flatten()],
        "strides=(2, 2)": [layers.Conv2D(2, 3, 2, padding="same"), layers.Flatten()],
        "strides=(1, 1)": [layers.MaxPooling2D(2, 1), layers.Flatten()],
        "padding=same": [layers.MaxPooling2D(3, padding="same"), layers.Flatten()],
        "an input of shape": [layers.Dense(3), layers.Flatten()],
    }
    for name, hidden in unknown.items():
        head, tail = [keras.Input((784,)), layers.Reshape((28, 28, 1))], [layers.Dense(10, activation="softmax")]
        model = keras.Sequential([*head, *hidden, *tail])
        (reason,) = draw.find_unknown(model)
        assert name in reason
    with contextlib.chdir(trained_folder):
        run = runs.load_run(RUNS["cnn"])
    data = SimpleNamespace(x_test=draw_images(), y_test=np.eye(10)[np.arange(200) % 10])
    draw.write_draw_page(tmp_path / "draw.html", run, run.title, model, data, np.zeros(200, int))
    page = (tmp_path / "draw.html").read_text(encoding="utf-8")
    assert "cannot compute" in page and "<script" not in page

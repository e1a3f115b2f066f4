"""plots/<run>/draw.html in a real browser: the same numbers as Keras, drawing, tracing, languages, widths, schemes."""

import contextlib
import itertools
import re
import shutil

import numpy as np
import pytest

from benchmarks import pens
from conftest import ROOT, read_metrics, run_python
from digits import drawing, handwriting, runs, synthetic
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


@pytest.fixture(params=RUNS)
def page(request, open_page, trained_folder):
    """The page of the CNN, and then that of an MLP."""
    return open_page(trained_folder, RUNS[request.param])


MOVE = """(pad, points) => points.forEach(([clientX, clientY]) =>
    pad.dispatchEvent(new PointerEvent("pointermove", { pointerId: 1, clientX, clientY })))"""


def replay(page, strokes, within=False):
    """Draw strokes of points, in the units of the pad, with the mouse, on an empty pad.

    within: what moves the mouse are the page's own events, each of which takes a hundredth of the time.
    """
    if page.locator("#clear").is_enabled():
        page.click("#clear")
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        if within:
            page.eval_on_selector("#pad", MOVE, points)
        else:
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


def prediction(page):
    """The digit that the page names."""
    settle(page)
    return int(re.fullmatch(r"Prediction: (\d)", page.text_content("#prediction"))[1])


def draw_images():
    """200 synthetic digits as the networks take them."""
    rng, glyphs = np.random.default_rng(0), synthetic.draw_glyphs()
    images = synthetic.distort(glyphs, rng.integers(0, len(glyphs), 200), rng)
    return images.reshape(200, 784).astype(np.float32) / 255


@pytest.mark.parametrize("run", RUNS.values())
def test_every_layers_activations_are_those_of_keras(open_page, trained_folder, run):
    import keras

    model, page, images = load(trained_folder, run), open_page(trained_folder, run), draw_images()
    found = np.array([page.evaluate("pixels => digits.predict(pixels)", image.tolist()) for image in images])
    assert np.abs(found - model.predict(images, verbose=0)).max() < 1e-4
    outputs = keras.Model(model.inputs, [layer.output for layer in model.layers]).predict(images[:1], verbose=0)
    values = "pixels => Object.entries(digits.activations(pixels)).map(([name, values]) => [name, [...values]])"
    activations = dict(page.evaluate(values, images[0].tolist()))
    assert list(activations) == [layer.name for layer in model.layers]
    for layer, output in zip(model.layers, outputs):
        assert np.abs(np.array(activations[layer.name]) - output.ravel()).max() < 1e-4, layer.name


@pytest.mark.slow
def test_the_decks_cnn_predicts_what_keras_predicts(open_page, cnn, mnist):
    page, model = open_page(cnn, "cnn"), load(cnn, "cnn")
    found = [page.evaluate("pixels => digits.predict(pixels)", image.tolist()) for image in mnist.x_test[:200]]
    assert np.abs(np.array(found) - model.predict(mnist.x_test[:200], verbose=0)).max() < 1e-4


@pytest.mark.slow
def test_what_is_drawn_is_recognised(open_page, cnn):
    page, rng = open_page(cnn, "cnn"), np.random.default_rng(5)
    correct = []
    for digit in np.arange(200) % 10:
        strokes = pens.written(digit, rng)
        points = np.concatenate(strokes)
        low, size = points.min(axis=0), np.ptp(points, axis=0).max()
        height, corner = rng.uniform(100, 200), rng.uniform(20, 60, 2)
        replay(page, [(stroke - low) / size * height + corner for stroke in strokes], within=True)
        correct.append(prediction(page) == digit)
    assert np.mean(correct) >= 0.95
    replay(page, SEVEN)
    assert prediction(page) == 7


@pytest.mark.slow
def test_a_finger_draws_too(open_page, cnn):
    page = open_page(cnn, "cnn", has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740})
    page.click("#clear")
    box, touches = page.locator("#pad").bounding_box(), page.context.new_cdp_session(page)
    points = [{"x": box["x"] + x * box["width"] / 280, "y": box["y"] + y * box["height"] / 280} for x, y in SEVEN[0]]
    for kind, touched in [("touchStart", points[:1]), *(("touchMove", [point]) for point in points), ("touchEnd", [])]:
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
    assert prediction(page) == 7
    assert page.evaluate("scrollY") == 0


def test_strokes_become_the_image_that_predict_py_makes_of_them(open_page, trained_folder):
    page, rng = open_page(trained_folder, RUNS["cnn"]), np.random.default_rng(1)
    normalize = """async ([strokes, pen, widths]) => {
        const { normalizeStrokes } = await import("digits/strokes.js");
        return [...normalizeStrokes(strokes, pen, widths)];
    }"""
    differences = []
    for digit in np.arange(40) % 10:
        strokes, width = [stroke * 300 for stroke in pens.written(digit, rng)], rng.uniform(10, 60)
        image = pens.draw([stroke / 300 for stroke in strokes], (700, 700), 300, width, rng)
        expected = handwriting.find_digits(image.convert("RGB"), single=True).images[0] / 255
        found = page.evaluate(normalize, [[stroke.tolist() for stroke in strokes], width, STROKE])
        # The centre of mass may be rounded to the next pixel.
        moved = [
            np.roll(np.reshape(found, (28, 28)), shift, (0, 1)) for shift in itertools.product((-1, 0, 1), repeat=2)
        ]
        differences.append(min(np.abs(image - expected).mean() for image in moved))
    # For comparison: about 0.05 where a digit lies one pixel further to the right, 0.1 where the image is empty.
    assert np.mean(differences) < 0.02 and max(differences) < 0.035, differences


def test_undo_clear_pen_and_examples(page):
    def image():
        return np.array(page.evaluate("digits.image()"))

    assert "Test image" in page.text_content("#caption") and image().any()
    replay(page, SEVEN)
    seven = image()
    assert not page.text_content("#caption")
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
    replay(page, SEVEN)
    assert (image() == seven).all()


def test_a_hand_on_the_keyboard_draws_and_traces(page):
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
    if page.locator(".convolution .maps").count():
        page.locator(".convolution .maps").first.focus()
        page.keyboard.press("PageDown")
        page.wait_for_function("document.querySelector('#trace h2').textContent.includes('map 2, row 15, column 15')")
    page.focus("#bars button:nth-child(4)")
    page.wait_for_function("document.querySelector('#trace h2').textContent.startsWith('Output, 3')")


@pytest.mark.parametrize("stage", range(1, 6), ids=["convolution", "pooling", "convolution 2", "pooling 2", "hidden"])
def test_a_traced_value_is_the_activation_and_its_terms_add_up(open_page, trained_folder, stage):
    page = open_page(trained_folder, RUNS["cnn"])
    replay(page, SEVEN)
    layers = "Object.values(digits.activations(digits.image())).map(values => [...values])"
    outputs, model = page.evaluate(layers), load(trained_folder, RUNS["cnn"])
    kinds = ("Conv2D", "MaxPooling2D", "Dense")
    at = [i for i, layer in enumerate(model.layers) if type(layer).__name__ in kinds][stage - 1]
    values, shape = np.array(outputs[at]), model.layers[at].output.shape[1:]
    if len(shape) == 1:
        place, columns, map_number = int(values.argmax()), 32, 0
        y, x = divmod(place, columns)
        rows, name = -(-shape[0] // columns), f"unit {place + 1}"
    else:
        (rows, columns), (y, x, map_number) = shape[:2], np.unravel_index(values.argmax(), shape)
        name = f"map {map_number + 1}, row {y + 1}, column {x + 1}"
    canvas = page.locator(".stage").nth(stage).locator("canvas").nth(int(map_number))
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * (x + 0.5) / columns, box["y"] + box["height"] * (y + 0.5) / rows)
    page.wait_for_selector("#trace h2")
    assert page.text_content("#trace h2").endswith(f"{name}: {values.max():.2f}")
    written = page.text_content("#trace .sum").replace("\N{MINUS SIGN}", "-")
    terms, total = written.split(" = ")
    assert float(total) == pytest.approx(values.max(), abs=0.006)
    numbers = [float(number.replace(" ", "")) for number in re.findall(r"-? ?\d+\.\d\d", terms)]
    worked = max(numbers) if "max" in terms else sum(numbers)
    assert worked == pytest.approx(values.max(), abs=0.006 * len(numbers))
    assert page.locator(".frame.traced").count() == 1
    assert page.locator(".frame.from").count() == {1: 1, 2: 1, 3: 16, 4: 1, 5: 1}[stage]


def test_a_probability_is_traced_to_the_units_for_and_against_it(page):
    replay(page, SEVEN)
    digit = prediction(page)
    page.hover(f"#bars button:nth-child({digit + 1})")
    page.wait_for_selector("#trace h2")
    probability = max(page.evaluate("digits.predict(digits.image())"))
    assert f"Σ exp = {probability:.4f}" in page.text_content("#trace")
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
        page.click("#language")
        assert page.text_content("h1") != title
        assert not re.search(r"\{|undefined|NaN", page.inner_text("body"))


def test_both_languages_say_the_same(open_page, trained_folder):
    page = open_page(trained_folder, RUNS["cnn"])
    english, chinese = page.evaluate("Object.values(JSON.parse(document.getElementById('page').textContent).text)")
    assert english.keys() == chinese.keys()
    for name in english:
        places = [sorted(re.findall(r"\{\w+\}", text[name])) for text in (english, chinese)]
        assert places[0] == places[1], name


def test_the_page_says_where_it_comes_from(open_page, trained_folder):
    page = open_page(trained_folder, RUNS["cnn"])
    metrics = read_metrics(trained_folder, RUNS["cnn"])
    footer = page.inner_text("footer")
    for part in (RUNS["cnn"], f"{metrics['test_accuracy']:.4f}", metrics["date"], metrics["versions"]["keras"]):
        assert part in footer
    assert "SYNTHETIC" in page.inner_text(".warning")


def test_the_scripts_name_the_page_and_the_index_links_to_it(trained_folder, tmp_path):
    shutil.copytree(trained_folder / "models", tmp_path / "models")
    process = run_python(tmp_path, ROOT / "evaluate.py", RUNS["mlp"])
    assert process.returncode == 0, process.stderr
    drawn, index = (tmp_path / "plots" / name for name in (f"{RUNS['mlp']}/draw.html", "index.html"))
    assert drawn.read_text() == (trained_folder / "plots" / RUNS["mlp"] / "draw.html").read_text()
    links = re.findall('href="(.*?draw.html)"', index.read_text())
    assert links == [f"{RUNS['mlp']}/draw.html"]  # the other run has no page here
    process = run_python(tmp_path, ROOT / "mlp.py", "--dataset", "synthetic", "--dry-run", "--hidden", "3")
    name = "plots/mlp_3_dryrun_synthetic/draw.html"
    assert process.stdout.rstrip().endswith(f"Draw a digit yourself: open {name} in a browser")
    assert (tmp_path / name).exists()


UNKNOWN = {
    "BatchNormalization": lambda layers: [layers.Flatten(), layers.BatchNormalization()],
    "activation=tanh": lambda layers: [layers.Flatten(), layers.Dense(5, activation="tanh")],
    "padding=valid": lambda layers: [layers.Conv2D(2, 3), layers.Flatten()],
    "strides=(2, 2)": lambda layers: [layers.Conv2D(2, 3, 2, padding="same"), layers.Flatten()],
    "strides=(1, 1)": lambda layers: [layers.MaxPooling2D(2, 1), layers.Flatten()],
    "padding=same": lambda layers: [layers.MaxPooling2D(3, padding="same"), layers.Flatten()],
    "an input of shape": lambda layers: [layers.Dense(3), layers.Flatten()],
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_layer_that_the_page_cannot_compute_is_named(tensorflow, trained_folder, tmp_path, monkeypatch, name):
    import keras
    from keras import layers

    shutil.copytree(trained_folder / "models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    head, tail = [keras.Input((784,)), layers.Reshape((28, 28, 1))], [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([*head, *UNKNOWN[name](layers), *tail])
    assert len(draw.find_unknown(model)) == 1 and name in draw.find_unknown(model)[0]
    data = synthetic_data()
    path = drawing.write_draw_page(runs.load_run(RUNS["cnn"]), model, data, np.eye(10)[np.zeros(50, int)])
    assert "cannot compute" in path.read_text() and "<script" not in path.read_text()


def synthetic_data():
    """50 test images."""
    import preprocess

    images = draw_images()[:50]
    return preprocess.Dataset(images, np.eye(10)[np.arange(50) % 10], images, np.eye(10)[np.arange(50) % 10], "", "")


def test_the_models_of_the_deck_are_known(tensorflow):
    import cnn
    import mlp
    import mlp_dropout

    for model in (mlp.build_model(), mlp_dropout.build_model(), cnn.build_model(), cnn.build_model(5)):
        assert draw.find_unknown(model) == []

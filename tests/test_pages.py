"""plots/index.html and plots/<run>/draw.html, in a real browser too: Keras's numbers, drawing, tracing, languages."""

import contextlib
import itertools
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import preprocess
from benchmarks import pens
from conftest import ROOT, read_metrics, run_script
from digits import handwriting, results, runs, synthetic
from digits.handwriting.normalization import STROKE
from digits.pages import draw

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CNN, MLP = "cnn_dryrun_synthetic", "mlp_256_dryrun_synthetic"
SEVEN = [[(70, 60), (200, 60), (120, 240)]]  # in the units of the pad, 280x280


@pytest.fixture(scope="module")
def site(tmp_path_factory, trained_folder):
    """A folder with small runs of an MLP and of the CNN, the worked examples, and the page."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(trained_folder / "models", folder / "models")
    shutil.copytree(ROOT / "plots/gallery/layers", folder / "plots/layers")
    # As if these two were the deck's: all figures are then drawn.
    for old, new in {MLP: "mlp_256", CNN: "cnn"}.items():
        shutil.copytree(folder / "models" / old, folder / "models" / new)
        change_metrics(folder, new, lambda metrics: metrics.update(deck_model=True))
    change_metrics(folder, CNN, lambda metrics: metrics["flags"].update(image=4))
    (folder / "results").mkdir()
    (folder / "results/summary.html").write_text("<table><tr><td>x &lt; y</td></tr></table>", encoding="utf-8")
    process = run_script(folder, "evaluate.py")
    assert process.returncode == 0 and process.stderr == "" and "plots/index.html" in process.stdout
    return folder


def change_metrics(folder, run_name, change):
    """Call `change` with the content of a run's metrics.json, and write what it left."""
    metrics = read_metrics(folder, run_name)
    change(metrics)
    (folder / "models" / run_name / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


def cells(text):
    """The first table of a page: a dict of its first column to a dict of the others."""
    table = text[text.index("<table") : text.index("</table>")]
    head = re.findall("<th>(.*?)</th>", table)
    rows = [re.findall("<td>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    return {row[0]: dict(zip(head, row)) for row in rows if row}


def test_every_run_and_the_study_are_there_and_nothing_comes_from_elsewhere(site):
    text = (site / "plots/index.html").read_text(encoding="utf-8")
    table = cells(text)
    assert list(table) == ["mlp_256", "cnn", CNN, MLP]
    columns = {"test accuracy": "test_accuracy", "training": "train_accuracy", "validation": "validation_accuracy"}
    for name, row in table.items():
        assert f"<h2>{name}</h2>" in text
        for column, key in columns.items():
            assert row[column] == f"{read_metrics(site, name)[key]:.4f}"
    assert table["cnn"]["deck"] == "0.9902" and table["cnn"]["slide"] == "29"
    assert table[CNN]["deck"] == "-"
    assert "SYNTHETIC digits, not MNIST" in text and "CNN (slide 29)" in text
    assert "<td>x &lt; y</td>" in text and "python reproduce.py" not in text  # the study
    assert "http" not in text and "<script" not in text
    assert re.findall('href="(.*?draw.html)"', text) == [f"{name}/draw.html" for name in table]
    for source in re.findall('(?:src|href)="(.*?)"', text):
        assert source == "data:," or (site / "plots" / source).exists()


def test_damaged_runs_are_left_out_and_what_comes_from_the_others_is_escaped(site, tmp_path, monkeypatch):
    shutil.copytree(site / "models", tmp_path / "models")
    (tmp_path / "models/cnn/metrics.json").write_text("{", encoding="utf-8")
    change_metrics(tmp_path, CNN, lambda metrics: metrics.pop("test_accuracy"))  # never evaluated
    change_metrics(tmp_path, "mlp_256", lambda metrics: metrics.update(device="<b>GPU</b> & more"))
    (tmp_path / "models/mlp_256").rename(tmp_path / "models/mine & yours")
    monkeypatch.chdir(tmp_path)
    text = results.write_index().read_text(encoding="utf-8")
    names = ["mine &amp; yours", MLP]
    assert re.findall("<h2>(.*?)</h2>", text)[:2] == list(cells(text)) == names and "cnn" not in text
    assert "trained on &lt;b&gt;GPU&lt;/b&gt; &amp; more" in text and "<b>" not in text
    assert "<code>python reproduce.py</code> makes it" in text  # the study, of which there is nothing here
    assert "draw.html" not in text  # nor a page of these runs


def test_evaluate_draws_what_training_drew_but_for_the_digit_that_goes_through_the_network(trained_folder, site):
    page = f"plots/{MLP}/draw.html"
    assert (site / page).read_text(encoding="utf-8") == (trained_folder / page).read_text(encoding="utf-8")
    assert read_metrics(trained_folder, CNN)["flags"]["image"] == 3  # the site's is 4
    for figure, same in {"filters.png": True, "feature_maps.png": False}.items():
        old, new = (Image.open(folder / "plots" / CNN / figure).tobytes() for folder in (trained_folder, site))
        assert (old == new) is same, figure


@pytest.fixture(scope="module")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: requirements-dev.txt installs it")
    if not CHROMIUM:
        pytest.skip("needs Chromium: it is not installed")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM)


@pytest.fixture
def open_page(chromium, trained_folder):
    """A function that opens a file of plots/; at the end of the test, none has complained or asked the network."""
    complaints = []

    def open_page(path, folder=trained_folder, **context):
        opened = chromium.new_context(**{"locale": "en-US", "viewport": {"width": 1600, "height": 900}} | context)
        page = opened.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url[:5] not in ("file:", "data:") and complaints.append(request.url))
        page.goto((folder / "plots" / path).as_uri())
        settle(page)
        return page

    yield open_page
    assert complaints == []


def test_a_browser_shows_every_figure_of_the_index(open_page, site):
    for width in (500, 1280):
        page = open_page("index.html", site, viewport={"width": width, "height": 900})
        images = page.evaluate("[...document.images].map(image => [image.src, image.naturalWidth, image.alt])")
        assert len(images) == (site / "plots/index.html").read_text(encoding="utf-8").count("<img ") > 20
        for source, natural_width, alternative in images:
            assert natural_width > 500 and alternative, source
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out


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


@pytest.mark.parametrize("run", (CNN, MLP))
def test_every_layers_activations_are_those_of_keras(open_page, trained_folder, run):
    import keras

    model, page = load(trained_folder, run), open_page(f"{run}/draw.html")
    images = preprocess.flatten_and_normalize(synthetic.draw_digits()["x_test"][:200])
    found = page.evaluate("images => images.map(digits.predict)", images.tolist())
    assert np.abs(found - model.predict(images, verbose=0)).max() < 1e-4
    outputs = keras.Model(model.inputs, [layer.output for layer in model.layers]).predict(images[:1], verbose=0)
    activations = page.evaluate(ACTIVATIONS, images[0].tolist())
    assert [name for name, _ in activations] == [layer.name for layer in model.layers]
    for (name, values), output in zip(activations, outputs):
        assert np.abs(values - output.ravel()).max() < 1e-4, name


def test_a_finger_draws_too(open_page):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    page = open_page(f"{MLP}/draw.html", **phone)
    page.click("#clear")
    box, touches = page.locator("#pad").bounding_box(), page.context.new_cdp_session(page)
    points = [{"x": box["x"] + x * box["width"] / 280, "y": box["y"] + y * box["height"] / 280} for x, y in SEVEN[0]]
    for kind, touched in [("touchStart", points[:1]), *(("touchMove", [point]) for point in points), ("touchEnd", [])]:
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
    assert np.abs(page.evaluate("digits.image()") - normalize(page, SEVEN)).mean() < 0.005
    assert page.evaluate("scrollY") == 0


def test_strokes_become_the_image_that_predict_py_makes_of_them(open_page):
    page, rng = open_page(f"{CNN}/draw.html"), np.random.default_rng(1)
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


def test_undo_clear_pen_and_examples(open_page):
    page = open_page(f"{MLP}/draw.html")

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


def test_a_hand_on_the_keyboard_draws_and_traces(open_page):
    page = open_page(f"{CNN}/draw.html")
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
    page, model = open_page(f"{CNN}/draw.html"), load(trained_folder, CNN)
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
        terms, total = page.text_content("#trace .sum").replace("\N{MINUS SIGN}", "-").split(" = ")
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
    page = open_page(f"{MLP}/draw.html")
    page.locator(".hidden canvas").hover(position={"x": 1, "y": 1})
    page.wait_for_selector("#trace figure")
    opacity = "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 3)"
    shown = np.array(page.locator("#trace canvas").first.evaluate(opacity))
    weights = np.abs(load(trained_folder, MLP).layers[0].kernel.numpy()[:, 0])
    assert np.abs(shown - 255 * weights / weights.max()).max() <= 1


def test_every_width_language_and_scheme(open_page, trained_folder):
    passes = [(360, "en-US", "dark"), (800, "zh-TW", "light"), (1600, "zh-TW", "dark")]
    for run, (width, locale, scheme) in itertools.product((CNN, MLP), passes):
        title = "Draw a digit" if locale == "en-US" else "手寫數字辨識"
        size = {"width": width, "height": 800}
        page = open_page(f"{run}/draw.html", viewport=size, locale=locale, color_scheme=scheme)
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
    for name, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese[name])), name


def test_a_layer_that_the_page_cannot_compute_is_named(tensorflow, trained_folder, tmp_path):
    import keras
    from keras import layers

    unknown = {
        "BatchNormalization": [layers.Flatten(), layers.BatchNormalization()],
        "activation=tanh": [layers.Flatten(), layers.Dense(5, activation="tanh")],
        "padding=valid": [layers.Conv2D(2, 3), layers.Flatten()],
        "strides=(2, 2)": [layers.Conv2D(2, 3, 2, padding="same"), layers.Flatten()],
        "an input of shape": [layers.Dense(3), layers.Flatten()],
    }
    for name, hidden in unknown.items():
        model = keras.Sequential([keras.Input((784,)), layers.Reshape((28, 28, 1)), *hidden, layers.Dense(10)])
        (reason,) = draw.find_unknown(model)
        assert name in reason
    with contextlib.chdir(trained_folder):
        run = runs.load_run(CNN)
    data = preprocess.load_data("synthetic", dry_run=True)
    draw.write_draw_page(tmp_path / "draw.html", run, run.title, model, data, np.zeros(10000, int))
    page = (tmp_path / "draw.html").read_text(encoding="utf-8")
    assert "cannot compute" in page and "<script" not in page

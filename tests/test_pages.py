"""plots/index.html and plots/<run>/draw.html, in real browsers too: Keras's numbers, drawing, explanations, languages."""

import contextlib
import itertools
import json
import re
import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

import preprocess
from benchmarks import pens
from conftest import ROOT, read_metrics, run_script
from digits import handwriting, results, runs, synthetic
from digits.figures.style import format_percent
from digits.pages import draw, template

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
AXE = template.FOLDER / "node_modules/axe-core/axe.min.js"
CNN, MLP = "cnn_dryrun_synthetic", "mlp_256_dryrun_synthetic"
SEVEN = [[(70, 60), (200, 60), (120, 240)]]  # in the units of the pad, 280x280


@pytest.fixture(scope="module")
def site(tmp_path_factory, trained_folder):
    """A folder with small runs of an MLP and of the CNN, the worked examples, and the page."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(trained_folder / "models", folder / "models")
    shutil.copytree(ROOT / "plots/gallery/layers", folder / "plots/layers")
    shutil.copy(ROOT / "plots/gallery/learning_curves.png", folder / "plots")  # of other models than these
    # As if these two were the deck's: all figures are then drawn.
    for old, new in {MLP: "mlp_256", CNN: "cnn"}.items():
        shutil.copytree(folder / "models" / old, folder / "models" / new)
        change_metrics(folder, new, lambda metrics: metrics.update(deck_model=True))
    change_metrics(folder, CNN, lambda metrics: metrics["flags"].update(digit=4))
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
    head = re.findall("<th.*?>(.*?)</th>", table)
    rows = [re.findall("<td>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    return {row[0]: dict(zip(head, row)) for row in rows if row}


def read_content(path):
    """What a page holds as JSON."""
    return json.loads(re.search('<script type="application/json" id="page">(.*?)</script>', path.read_text("utf-8"))[1])


def test_every_run_and_the_study_are_there_and_nothing_comes_from_elsewhere(site):
    text = (site / "plots/index.html").read_text(encoding="utf-8")
    table = cells(text)
    assert list(table) == ["mlp_256", "cnn", CNN, MLP]
    columns = {"test accuracy": "test_accuracy", "training": "train_accuracy", "validation": "validation_accuracy"}
    for name, row in table.items():
        assert f"<summary><h2>{name}</h2>" in text and f'href="#run-{name}"' in text
        for column, key in columns.items():
            assert row[column] == f"{read_metrics(site, name)[key]:.4f}"
    assert table["cnn"]["deck"] == "0.9902" and table["cnn"]["slide"] == "29"
    assert table[CNN]["deck"] == "-" and "NA" not in str(table)
    assert "SYNTHETIC digits, not MNIST" in text and "CNN (slide 29)" in text
    assert "<td>x &lt; y</td>" in text and "python reproduce.py" not in text  # the study
    assert "http" not in text and 'src="learning_curves.png"' not in text
    assert re.findall('href="(.*?draw.html)"', text) == [f"{name}/draw.html" for name in [*table, *table]]
    for source in re.findall('(?:src|href)="([^#]*?)"', text):
        assert (site / "plots" / source).exists()


def test_damaged_runs_are_left_out_and_what_comes_from_the_others_is_escaped(site, tmp_path, monkeypatch):
    shutil.copytree(site / "models", tmp_path / "models")
    (tmp_path / "models/cnn/metrics.json").write_text("{", encoding="utf-8")
    change_metrics(tmp_path, CNN, lambda metrics: metrics.pop("test_accuracy"))  # never evaluated
    change_metrics(tmp_path, "mlp_256", lambda metrics: metrics.update(device="<b>GPU</b> & more"))
    (tmp_path / "models/mlp_256").rename(tmp_path / "models/mine & yours")
    (tmp_path / "plots").mkdir()
    comparison = tmp_path / "plots/learning_curves.png"
    shutil.copy(ROOT / "plots/gallery/learning_curves.png", comparison)
    monkeypatch.chdir(tmp_path)
    text = results.write_index([comparison]).read_text(encoding="utf-8")
    names = ["mine &amp; yours", MLP]
    assert re.findall("<h2>(.*?)</h2>", text) == list(cells(text)) == names and "cnn" not in cells(text)
    assert "trained on &lt;b&gt;GPU&lt;/b&gt; &amp; more" in text and "<b>" not in text
    assert "<code>python reproduce.py</code>" in text  # the study, of which there is nothing here
    assert "draw.html" not in text  # nor a page of these runs
    assert 'src="learning_curves.png"' in text


def test_evaluate_draws_what_training_drew_but_for_the_digit_that_goes_through_the_network(trained_folder, site):
    old, new = (read_content(folder / f"plots/{CNN}/draw.html") for folder in (trained_folder, site))
    assert {**old, "others": []} == {**new, "others": []} and old["others"][0] != old["layers"]
    assert read_metrics(trained_folder, CNN)["flags"]["digit"] == 3  # the site's is 4
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

    def open_page(path, folder=trained_folder, address="", **context):
        opened = chromium.new_context(**{"locale": "en-US", "viewport": {"width": 1366, "height": 768}} | context)
        page = opened.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url[:5] != "file:" and complaints.append(request.url))
        page.goto((folder / "plots" / path).as_uri() + address)
        if path.endswith("draw.html"):
            page.wait_for_function("window.digits")
        settle(page)
        return page

    yield open_page
    assert complaints == []


def settle(page):
    """Wait until the page is up to date, which it is brought once per frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_browser_shows_every_figure_of_the_report_in_both_languages(open_page, site):
    for width, language, section in ((360, "#zh-TW", "目錄"), (1280, "", "Contents")):
        page = open_page("index.html", site, language, viewport={"width": width, "height": 900}, color_scheme="dark")
        assert page.text_content("nav h2") == section and not page.is_visible("details img")
        page.click('nav a[href="#run-cnn"]')
        assert page.is_visible("#run-cnn .draw") and page.locator("details[open]").count() == 1
        assert page.text_content("nav h2") == section  # the language has stayed
        page.evaluate("document.querySelectorAll('details').forEach(details => (details.open = true))")
        page.evaluate("Promise.all([...document.images].map(image => ((image.loading = 'eager'), image.decode())))")
        images = page.evaluate("[...document.images].map(image => [image.src, image.naturalWidth, image.ariaLabel])")
        assert len(images) > 20 and all(size > 500 and label for _, size, label in images)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out


def find_image(page, strokes, width=20):
    """The image that the page makes of strokes and the width of a pen."""
    drawn = [np.rint(stroke).astype(int).tolist() for stroke in strokes]
    page.evaluate("([strokes, width]) => ((pen.value = width), digits.setStrokes(strokes))", [drawn, width])
    return read_image(page)


def read_image(page):
    """The image that the page shows to its networks."""
    return np.array(page.evaluate("[...digits.readInput().pixels]"))


def to_screen(page, points):
    """Points in the units of the pad as points of the window."""
    box = page.locator("#pad").bounding_box()
    return [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]


def replay(page, strokes):
    """Draw strokes with the mouse, on an empty pad."""
    if page.locator("#clear").is_enabled():
        page.click("#clear")
    for first, *points in (to_screen(page, stroke) for stroke in strokes):
        page.mouse.move(*first)
        page.mouse.down()
        for point in points:
            page.mouse.move(*point)
        page.mouse.up()
    settle(page)


def load(folder, run):
    """A saved run's Keras model."""
    with contextlib.chdir(folder):
        return runs.load_model(run)


def compute_activations(model, image):
    """What each layer of a Keras model makes of an image."""
    import keras

    model = keras.Model(model.inputs, [layer.output for layer in model.layers])
    return [output[0] for output in model.predict(np.float32([image]), verbose=0)]


def point_at(page, stage, target, act="hover"):
    """Hover or click the value `target` (map, row, column) of the stage of this number on the page."""
    settings = page.evaluate("JSON.parse(document.getElementById('page').textContent).stages")[stage]
    canvas, (at, y, x), gap = page.locator(f"#stage{stage}"), target, settings["gap"]
    left = at % settings["wide"] * (settings["columns"] + gap) + x + 0.5
    top = at // settings["wide"] * (settings["rows"] + gap) + y + 0.5
    box = canvas.bounding_box()
    place = {"x": left * box["width"] / settings["width"], "y": top * box["height"] / settings["height"]}
    getattr(canvas, act)(position=place)
    settle(page)


@pytest.mark.parametrize("run", (CNN, MLP))
def test_every_layers_activations_are_those_of_keras(open_page, trained_folder, run):
    model, page = load(trained_folder, run), open_page(f"{run}/draw.html")
    for image in preprocess.flatten_and_normalize(synthetic.draw_digits()["x_test"][:20]):
        found = page.evaluate("image => digits.computeActivations(digits.layers, image).map(values => [...values])", image.tolist())
        for values, output in zip(found, [image, *compute_activations(model, image)], strict=True):
            assert np.abs(values - output.ravel()).max() < 1e-4


VIEWPORTS = [(1366, 625, "#zh-TW"), (1366, 768, "#en"), (1920, 1080, "#zh-TW"), (1024, 768, "#en")]


@pytest.mark.parametrize("run", (CNN, MLP))
def test_every_stage_and_all_ten_bars_are_seen_without_scrolling(open_page, trained_folder, run):
    for width, height, language in VIEWPORTS:
        size = {"width": width, "height": height}
        page = open_page(f"{run}/draw.html", address=language, viewport=size, color_scheme="dark")
        boxes = page.evaluate("[...document.querySelectorAll('#network canvas, #bars button, #explanation')].map("
                              "part => part.getBoundingClientRect().toJSON())")  # fmt: skip
        assert len(boxes) == {CNN: 1 + 7, MLP: 1 + 2}[run] + 10 + 1
        for box in boxes:
            assert 0 <= box["left"] < box["right"] <= width and 0 <= box["top"] < box["bottom"] <= height, (size, box)
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        metrics, title = read_metrics(trained_folder, run), page.title()
        assert run in title and f"{metrics['test_accuracy']:.4f}" in title and title == page.text_content("h1")
        assert ("手寫數字辨識" in title) is ("亂數種子" in page.inner_text("footer")) is (language == "#zh-TW")
        assert "SYNTHETIC" in page.inner_text(".warning") and metrics["versions"]["keras"] in page.inner_text("footer")
        before = boxes[1:-1]
        replay(page, SEVEN)
        page.click("#bars button:nth-child(8)")
        settle(page)
        after = page.evaluate("[...document.querySelectorAll('#network canvas, #bars button')].map("
                              "part => part.getBoundingClientRect().toJSON())")[1:]  # fmt: skip
        assert after == before  # nothing moves
        assert not re.search(r"\{|undefined|NaN", page.inner_text("body"))


def touch(session, points):
    """Move a finger from point to point."""
    for kind, touched in [("touchStart", points[:1]), *(("touchMove", [point]) for point in points), ("touchEnd", [])]:
        places = [{"x": x, "y": y} for x, y in touched]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def test_on_a_telephone_pad_and_prediction_stay_and_a_finger_draws_and_pins(open_page):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    page = open_page(f"{CNN}/draw.html", **phone)
    page.tap("#clear")
    touches = page.context.new_cdp_session(page)
    touch(touches, to_screen(page, SEVEN[0]))
    drawn = read_image(page)
    assert page.evaluate("scrollY") == 0 and np.abs(drawn - find_image(page, SEVEN)).mean() < 0.005
    page.evaluate("scrollTo(0, 300)")
    for part in ("#pad", "#bars"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= 360 and box["height"] < 300
    touch(touches, [(90, y) for y in range(640, 500, -20)])
    assert page.evaluate("scrollY") > 300 and not page.is_visible("#explanation")  # nothing opens by scrolling
    page.tap("#stage5", position={"x": 3, "y": 3})
    settle(page)
    assert page.is_visible("#explanation")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_strokes_become_the_image_that_predict_py_makes_of_them(open_page):
    page, rng = open_page(f"{CNN}/draw.html"), np.random.default_rng(1)
    differences = []
    for digit in np.arange(40) % 10:
        strokes, width = pens.written(digit, rng), rng.uniform(8, 40)
        image = pens.draw(strokes, (350, 350), 200, width, rng)
        expected = handwriting.find_digits(image.convert("RGB"), single=True).images[0] / 255
        corner = np.min(np.concatenate(strokes), axis=0)
        found = find_image(page, [200 * (stroke - corner) + 30 for stroke in strokes], width).reshape(28, 28)
        # The centre of mass may be rounded to the next pixel.
        moved = [np.roll(found, shift, (0, 1)) for shift in itertools.product((-1, 0, 1), repeat=2)]
        differences.append(min(np.abs(image - expected).mean() for image in moved))
    # For comparison: about 0.05 where a digit lies one pixel further to the right, 0.1 where the image is empty.
    assert np.mean(differences) < 0.02 and max(differences) < 0.035, differences


def test_every_point_of_the_pen_counts_and_can_be_undone(open_page):
    page = open_page(f"{MLP}/draw.html")

    replay(page, [SEVEN[0][:1]])
    page.mouse.move(*to_screen(page, SEVEN[0][:1])[0])
    page.mouse.down()
    points = [{"clientX": x, "clientY": y, "pointerId": 1} for x, y in to_screen(page, SEVEN[0])]
    page.evaluate("""points => document.getElementById("pad").dispatchEvent(new PointerEvent("pointermove", {
        ...points.at(-1), coalescedEvents: points.map(point => new PointerEvent("pointermove", point))
    }))""", points)  # fmt: skip
    page.mouse.up()
    seven = read_image(page)
    page.keyboard.press("Control+z")
    assert (read_image(page) != seven).any()
    page.click("#undo")
    settle(page)
    assert not read_image(page).any() and page.is_disabled("#undo") and page.text_content("#prediction") == "Draw a digit"
    assert np.abs(seven - find_image(page, SEVEN)).mean() < 0.005
    page.fill("#pen", "40")
    assert read_image(page).sum() > seven.sum() + 5


def test_images_are_chosen_and_both_networks_predict_them(open_page, trained_folder):
    page, data = open_page(f"{CNN}/draw.html"), preprocess.load_data("synthetic", dry_run=True)
    labels, captions = data.y_test.argmax(axis=1), []
    networks = [load(trained_folder, run) for run in (CNN, MLP)]
    page.fill("#number", "12")
    for key, number in (("Enter", 12), ("Tab", 13)):
        page.keyboard.press(key)  # Tab leads to the button for the next image
        if key == "Tab":
            page.keyboard.press("Space")
        settle(page)
        assert np.abs(read_image(page) - data.x_test[number]).max() < 1e-6
        captions.append(page.text_content("#caption"))
        assert captions[-1].startswith(f"Test image {number}: label {labels[number]}")
        predictions = [network.predict(data.x_test[[number]], verbose=0)[0] for network in networks]
        expected = [format_percent(share) for pair in zip(*predictions) for share in pair]
        assert page.locator("#bars .share > span").all_text_contents() == expected
        assert page.text_content("#prediction") == f"Prediction: {predictions[0].argmax()}"
    mistake = page.locator("#mistakes option").nth(1).text_content()
    page.select_option("#mistakes", index=1)
    settle(page)
    number, label, prediction = re.findall(r"\d+", mistake)
    assert f"Test image {number}: label {label}, misclassified as {prediction}" in page.text_content("#caption")
    assert page.get_attribute("nav a:nth-child(2)", "href") == f"../{MLP}/draw.html"
    page.click("text=Filters")
    assert page.locator("#filters figure").count() == 16


def test_a_hand_on_the_keyboard_draws_and_pins(open_page):
    page = open_page(f"{CNN}/draw.html")
    page.click("#clear")
    page.focus("#pad")
    for key in ["Space", *["ArrowDown"] * 10, "Space"]:
        page.keyboard.press(key)
    drawn = read_image(page)
    page.keyboard.press("ArrowLeft")
    assert np.sum(drawn) > 20 and (read_image(page) == drawn).all()
    page.focus("#stage1")
    for key in ("PageDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    settle(page)
    assert "map 2, row 15, column 16" in page.text_content("#heading") and page.is_visible("#free")
    page.keyboard.press("Escape")
    settle(page)
    assert page.is_hidden("#free") and page.locator("#overlay *").count() == 0


def read_sum(text):
    """What the terms of a written sum add up to, and what stands behind the sign of equality."""
    terms, total = re.sub(r"\(.*?\)|.*:", "", text).replace("\N{MINUS SIGN}", "-").split("=")
    return round(sum(float(term.replace(" ", "")) for term in re.findall(r"-? ?\d+\.\d+", terms)), 4), float(total)


def test_what_is_written_adds_up_to_the_activation(open_page, trained_folder):
    page, model = open_page(f"{CNN}/draw.html"), load(trained_folder, CNN)
    replay(page, SEVEN)
    outputs = compute_activations(model, read_image(page))
    outputs = dict(zip(range(1, 8), [outputs[i] for i in (1, 2, 3, 4, 6, 7)]))  # without Reshape, Dropout, the output
    for stage, lines in {1: 1, 2: 1, 3: 16, 4: 1, 5: 1, 6: 36}.items():
        output, units = outputs[stage], {6: (4, 1), 5: (36, 49)}.get(stage)
        place = int(np.argmax(output))
        y, x, at = (0, *divmod(place, 36)) if stage == 5 else np.unravel_index(place, (32, 4, 1) if units else output.shape)
        point_at(page, stage, (at, y, x), "click")
        page.mouse.move(5, 5)  # it is pinned
        settle(page)
        name = f"map {at + 1}, row {y + 1}, column {x + 1}" if not units else f"{place + 1}"
        assert page.text_content("#heading").endswith(f"{name}: {output.max():.2f}")
        assert page.locator("#overlay line").count() == lines and page.locator("#overlay .value").count() == 1
        if stage in (1, 3, 6):
            written, total = read_sum(page.text_content("#parts .sum"))
            assert written == total == pytest.approx(output.max(), abs=0.006)
        elif stage != 5:
            candidates = re.findall(r"\d\.\d\d", page.text_content("#parts .sum"))
            assert len(candidates) == 5 and max(candidates) == candidates[-1] == f"{output.max():.2f}"
    assert page.locator(".card").count() == 36 and page.locator(".card canvas").count() == 3 * 36
    page.click(".card >> nth=0")
    settle(page)
    assert page.locator(".group .cell").count() == 3 * 49  # its numbers, 7x7
    page.click("#bars button:nth-child(8)")
    settle(page)
    written, logit = read_sum(page.text_content("#parts .sum"))
    kernel, bias = model.layers[-1].get_weights()
    assert written == logit == pytest.approx((outputs[6] @ kernel + bias)[7], abs=0.006)
    powers = [float(cell) for cell in page.locator("tr:nth-child(3) td").all_text_contents()[:10]]
    probability = float(re.search(r"= (0\.\d{4})", page.text_content("#parts"))[1])
    assert probability == pytest.approx(powers[7] / sum(powers), abs=2e-4)


def test_playing_fills_a_map_value_by_value(open_page):
    page = open_page(f"{CNN}/draw.html", address="#en&image=3&pin=2,1,0,0")
    opaque = """(() => {
        const copy = new OffscreenCanvas(14, 14).getContext("2d", { willReadFrequently: true });
        copy.drawImage(document.getElementById("stage2"), -15, 0);
        return copy.getImageData(0, 0, 14, 14).data.filter((value, i) => i % 4 === 3 && value).length;
    })()"""
    assert page.evaluate(opaque) == 14 * 14
    for count in (1, 2):
        page.click("#step")
        settle(page)
        assert page.evaluate(opaque) == count and f"column {count}:" in page.text_content("#heading")
    page.click("#play")
    page.wait_for_function(f"{opaque} >= 5")  # 250 ms each
    page.click("#play")
    settle(page)
    paused = page.evaluate(opaque)
    page.wait_for_timeout(400)
    assert page.evaluate(opaque) == paused < 14 * 14 and page.text_content("#play") == "▶ Play"
    page.keyboard.press("Escape")
    settle(page)
    assert page.evaluate(opaque) == 14 * 14
    still = open_page(f"{CNN}/draw.html", reduced_motion="reduce")
    assert still.is_hidden("#play") and still.is_visible("#step")


def test_a_link_restores_the_state(open_page):
    page = open_page(f"{CNN}/draw.html", locale="zh-TW")
    replay(page, [*SEVEN, [(90, 150), (200, 150)]])
    point_at(page, 3, (4, 5, 6), "click")
    link, heading = page.get_attribute("#link", "href"), page.text_content("#heading")
    assert link.startswith("#zh-TW&pin=3,4,5,6&") and "特徵圖 5，第 6 列第 7 行" in heading
    other = open_page(f"{CNN}/draw.html", address=link)
    assert other.text_content("#heading") == heading and other.get_attribute("#link", "href") == link
    assert (read_image(other) == read_image(page)).all()
    other.click("#language")
    other.reload()
    other.wait_for_selector("text=Draw a digit")  # the language that was chosen last
    assert other.url.endswith("#en")


def test_the_page_works_under_a_strict_policy_and_says_so_where_it_cannot(open_page, chromium, trained_copy):
    path = trained_copy / "plots" / MLP / "draw.html"
    policy = """<meta http-equiv="Content-Security-Policy" content="default-src 'self' 'unsafe-inline'">"""
    path.write_text(path.read_text("utf-8").replace("<title>", f"{policy}<title>"), encoding="utf-8")
    page = open_page(f"{MLP}/draw.html", trained_copy)
    assert page.locator("#starting").count() == 0 and "Prediction" in page.text_content("#prediction")
    path.write_text(path.read_text("utf-8").replace('id="pad"', ""), encoding="utf-8")  # a module that cannot start
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#starting", state="visible")


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: `npm install` in digits/pages/ brings it")
def test_a_checker_of_accessibility_finds_nothing(open_page, site):
    states = [
        ("index.html", "#zh-TW", {"color_scheme": "dark"}),
        (f"{CNN}/draw.html", "#en&image=1", {}),
        (f"{CNN}/draw.html", "#zh-TW&image=2&pin=3,4,5,6", {"color_scheme": "dark"}),
        (f"{MLP}/draw.html", "#en&image=3&pin=2,0,3,0", {"viewport": {"width": 360, "height": 740}}),
    ]
    for path, address, context in states:
        page = open_page(path, site, address, **context)
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], (path, address)


@pytest.mark.skipif(not FIREFOX, reason="needs Firefox: it is not installed")
def test_firefox_computes_the_same(open_page, trained_folder, tmp_path):
    address = "#zh-TW&image=3&pin=3,4,5,6"
    (tmp_path / "user.js").write_text('user_pref("marionette.port", 0);\n')
    command = [FIREFOX, "--headless", "--marionette", "--profile", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = tmp_path / "MarionetteActivePort"
        for _ in range(300):
            time.sleep(0.1)
            if port.exists() and port.read_text():
                break
        with socket.create_connection(("127.0.0.1", int(port.read_text()))) as connection:
            answers = connection.makefile("rb")

            def read():
                length = b"".join(iter(lambda: answers.read(1), b":"))
                return json.loads(answers.read(int(length)))

            def call(command, **parameters):
                message = json.dumps([0, 1, command, parameters]).encode()
                connection.sendall(b"%d:%s" % (len(message), message))
                return read()[3]

            read()
            call("WebDriver:NewSession")
            call("WebDriver:Navigate", url=(trained_folder / f"plots/{CNN}/draw.html").as_uri() + address)
            script = "const [done] = arguments; setTimeout(() => done([heading.textContent, [...window.digits.readInput().pixels]]), 500)"
            heading, image = call("WebDriver:ExecuteAsyncScript", script=script, args=[])["value"]
    finally:
        process.kill()
        process.wait()
    page = open_page(f"{CNN}/draw.html", address=address)
    assert heading == page.text_content("#heading") and (image == read_image(page)).all()


def test_both_languages_say_the_same():
    for name in ("draw/text.json", "index.json"):
        english, chinese = json.loads(template.read(name)).values()
        assert english.keys() <= chinese.keys()
        for key, text in english.items():
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese[key])), key


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
    draw.write_draw_page(tmp_path / "draw.html", run, model, data, np.zeros(10000, int), [])
    page = (tmp_path / "draw.html").read_text(encoding="utf-8")
    assert "cannot compute" in page and "<script" not in page

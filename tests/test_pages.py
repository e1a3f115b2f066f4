"""plots/<run>/draw.html, in a real browser: Keras's numbers, drawing, pointing and playing, both languages."""

import base64
import contextlib
import itertools
import json
import re

import numpy as np
import pytest

import cnn
import mlp
import preprocess
from benchmarks import pens
from conftest import ROOT, find_violations, read_metrics, settle
from digits import handwriting, mnist, runs
from digits.errors import CannotDraw
from digits.figures.style import format_percent
from digits.networks import check_layers
from digits.pages import template

CNN, MLP = "cnn_dryrun", "mlp_256_dryrun"
SEVEN = [[(70, 60), (200, 60), (120, 240)]]  # in the units of the pad, 280x280


def read_image(page):
    """The image that the page shows to its networks."""
    return np.array(page.evaluate("[...digits.readInput().pixels]"))


def find_image(page, strokes, width=20):
    """The image that the page makes of strokes and the width of a pen."""
    drawn = [np.rint(stroke).astype(int).ravel().tolist() for stroke in strokes]
    page.evaluate("([strokes, width]) => ((pen.value = width), digits.setStrokes(strokes))", [drawn, width])
    return read_image(page)


def to_screen(page, points):
    """Points in the units of the pad as points of the window."""
    box = page.locator("#pad").bounding_box()
    return [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]


def replay(page, strokes):
    """Draw strokes with the mouse, on an empty pad."""
    page.click("#clear")
    for first, *points in (to_screen(page, stroke) for stroke in strokes):
        page.mouse.move(*first)
        page.mouse.down()
        for point in points:
            page.mouse.move(*point)
        page.mouse.up()
    settle(page)


def touch(session, points):
    """Move a finger from point to point."""
    for kind, touched in [("touchStart", points[:1]), *(("touchMove", [point]) for point in points), ("touchEnd", [])]:
        places = [{"x": x, "y": y} for x, y in touched]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def load(folder, run):
    """A saved run's Keras model."""
    with contextlib.chdir(folder):
        return runs.load_model(run)


def compute_activations(model, images):
    """What each layer of a Keras model makes of images: a list of arrays."""
    import keras

    return keras.Model(model.inputs, [layer.output for layer in model.layers]).predict(np.float32(images), verbose=0)


@pytest.mark.parametrize("run", (CNN, MLP))
def test_every_layers_activations_are_those_of_keras(open_page, trained_folder, run):
    model, page = load(trained_folder, run), open_page(f"{run}/draw.html")
    images = preprocess.flatten_and_normalize(mnist.load_arrays()["x_test"][:20])
    compute = "images => images.map(image => digits.computeActivations(digits.stages, image).map(each => [...each]))"
    layers, outputs = page.evaluate("digits.stages.map(stage => stage.at)"), compute_activations(model, images)
    assert len(layers) == {CNN: 8, MLP: 3}[run]
    for i, found in enumerate(page.evaluate(compute, images.tolist())):
        for layer, values in list(zip(layers, found, strict=True))[1:]:
            assert np.abs(values - outputs[layer - 1][i].ravel()).max() < 1e-4


def test_the_page_of_the_gallery_predicts_as_keras_does_with_its_weights(open_page, tensorflow):
    page, models = open_page("gallery/draw.html", ROOT), [cnn.build_model(), mlp.build_model()]
    networks = page.evaluate("JSON.parse(document.getElementById('page').textContent).networks")
    for model, stages in zip(models, networks, strict=True):
        weights = [np.frombuffer(base64.b64decode(text), "<f4") for stage in stages for text in stage["weights"]]
        model.set_weights([new.reshape(old.shape) for new, old in zip(weights, model.get_weights(), strict=True)])
    images = preprocess.flatten_and_normalize(mnist.load_arrays()["x_test"][:10])
    shares = np.stack([model.predict(images, verbose=0) for model in models], axis=2)
    for number, expected in enumerate(shares):
        page.evaluate(f"location.hash = 'image={number}'")
        page.wait_for_selector(f"#link[href$='image={number}']")
        found = page.locator("#bars .share > span").all_text_contents()
        assert found == [format_percent(share) for share in expected.ravel()]
    assert (ROOT / "plots/gallery/draw.html").stat().st_size < 3.1e6


VIEWPORTS = [(1366, 625, "zh-TW"), (1366, 768, "en"), (1920, 1080, "zh-TW"), (1024, 768, "en")]
BOXES = """[...document.querySelectorAll("#network canvas, #bars button, #explanation")].map(
    part => part.getBoundingClientRect().toJSON())"""


@pytest.mark.parametrize("run", (CNN, MLP))
def test_every_stage_and_all_ten_bars_are_seen_without_scrolling(open_page, trained_folder, run):
    for width, height, language in VIEWPORTS:
        size = {"width": width, "height": height}
        page = open_page(f"{run}/draw.html#{language}", viewport=size, color_scheme="dark")
        boxes = page.evaluate(BOXES)
        assert len(boxes) == {CNN: 1 + 7, MLP: 1 + 2}[run] + 10 + 1
        for box in boxes:
            assert 0 <= box["left"] < box["right"] <= width and 0 <= box["top"] < box["bottom"] <= height, (size, box)
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        title = page.title()
        assert run in title and f"{read_metrics(trained_folder, run)['test_accuracy']:.4f}" in title
        assert ("手寫數字辨識" in title) is (language == "zh-TW")
        long = "span => ((span.textContent = '100.0%'), span.scrollWidth <= span.clientWidth)"
        assert page.locator(".predicted > span").first.evaluate(long)  # it has room, in bold type too
        replay(page, SEVEN)
        page.click("#bars button:nth-child(8)")
        settle(page)
        assert page.evaluate(BOXES) == boxes  # nothing moves
        assert not re.search(r"\{|undefined|NaN", page.inner_text("body"))
        if height >= 768 and run == CNN:  # a window with padding leaves room for ReLU
            page.evaluate("digits.state.solved = true; location.hash += '&pin=1,2,0,0'")
            settle(page)
            assert page.locator(".group .padding").count() == 5
            relu, panel = (page.locator(part).bounding_box() for part in (".sum >> nth=1", "#explanation"))
            assert relu["y"] + relu["height"] < panel["y"] + panel["height"] - 10


def test_on_a_telephone_pad_and_prediction_stay_and_a_finger_draws_and_pins(open_page):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    page = open_page(f"{CNN}/draw.html", **phone)
    page.tap("#clear")
    finger = page.context.new_cdp_session(page)
    touch(finger, to_screen(page, SEVEN[0]))
    drawn = read_image(page)
    assert page.evaluate("scrollY") == 0 and np.abs(drawn - find_image(page, SEVEN)).mean() < 0.005
    page.evaluate("scrollTo(0, 300)")
    touch(finger, [(90, y) for y in range(640, 500, -20)])
    assert page.evaluate("scrollY") > 300 and not page.is_visible("#explanation")  # nothing opens by scrolling
    assert all(page.locator(part).bounding_box()["y"] >= 0 for part in ("#pad", "#bars"))
    page = open_page(f"{CNN}/draw.html", **phone)
    left = page.locator("#stage1").bounding_box()["x"]
    page.touchscreen.tap(left + 9, 700)  # where the explanation opens, above which the value stays in sight
    settle(page)
    value, panel = (page.locator(part).bounding_box() for part in ("#overlay .value", "#explanation"))
    assert 250 < value["y"] < value["y"] + value["height"] < panel["y"] < 700
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
    page.mouse.down()
    points = [{"clientX": x, "clientY": y, "pointerId": 1} for x, y in to_screen(page, SEVEN[0])]
    one_event = """points => pad.dispatchEvent(new PointerEvent("pointermove", {
        ...points.at(-1), coalescedEvents: points.map(point => new PointerEvent("pointermove", point)) }))"""
    page.evaluate(one_event, points)
    page.mouse.up()
    seven = read_image(page)
    page.keyboard.press("Control+z")
    assert (read_image(page) != seven).any()
    page.focus("#number")
    page.keyboard.press("Control+z")  # the field's
    assert read_image(page).any() and page.text_content("#subject") == "Your drawing"
    page.click("#undo")
    settle(page)
    assert not read_image(page).any() and page.is_disabled("#undo")
    assert page.text_content("#prediction") == "Draw a digit"
    assert np.abs(seven - find_image(page, SEVEN)).mean() < 0.005


def test_images_are_chosen_and_both_networks_predict_them(open_page, trained_folder):
    page, (_, (x_test, y_test)) = open_page(f"{CNN}/draw.html"), preprocess.load_data()
    networks = [load(trained_folder, run) for run in (CNN, MLP)]
    page.fill("#number", "12")
    for key in ("Enter", "Tab", "Space"):  # Tab leads to the button for the next image
        page.keyboard.press(key)
    settle(page)
    assert np.abs(read_image(page) - x_test[13]).max() < 1e-6
    assert f"Test image 13: label {y_test[13].argmax()}" in page.text_content("#caption")
    assert page.text_content("#subject") == "Test image"
    predictions = [network.predict(x_test[[13]], verbose=0)[0] for network in networks]
    expected = [format_percent(share) for pair in zip(*predictions) for share in pair]
    assert page.locator("#bars .share > span").all_text_contents() == expected
    assert page.text_content("#prediction") == f"Prediction: {predictions[0].argmax()}"
    number, label, prediction = re.findall(r"\d+", page.locator("#mistakes option").nth(1).text_content())
    page.select_option("#mistakes", index=1)
    settle(page)
    assert f"Test image {number}: label {label}, misclassified as {prediction}" in page.text_content("#caption")


def test_a_hand_on_the_keyboard_draws_and_pins(open_page):
    page = open_page(f"{CNN}/draw.html")
    page.click("#clear")
    page.reload()
    page.wait_for_function("window.digits")
    for key in ["Tab", "Tab", "Tab", "Space", *["ArrowDown"] * 10, "Space"]:
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.id") == "pad"
    drawn = read_image(page)
    page.keyboard.press("ArrowLeft")
    assert np.sum(drawn) > 20 and (read_image(page) == drawn).all()
    page.focus("#stage1")
    for key in ("PageDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    settle(page)
    assert "map 2, row 15, column 16" in page.text_content("#heading") and page.is_visible("#free")
    for key in (*["PageDown"] * 16, *["ArrowRight"] * 14):
        page.keyboard.press(key)
    settle(page)
    assert "map 16, row 15, column 28" in page.text_content("#heading")  # it does not leave the map
    page.keyboard.press("Escape")
    settle(page)
    assert page.is_hidden("#free") and page.locator("#overlay *").count() == 0


def click_value(page, stage, at, y, x):
    """Click a value of a map on the page."""
    find = """([i, map, y, x]) => {
        const { columns, maps, pixels, width, height } = digits.stages[i];
        const pixel = pixels[(y * columns + x) * maps + map];
        return [(pixel % width + 0.5) / width, (Math.floor(pixel / width) + 0.5) / height];
    }"""
    left, top = page.evaluate(find, [stage, *map(int, (at, y, x))])
    box = page.locator(f"#stage{stage}").bounding_box()
    page.mouse.click(box["x"] + left * box["width"], box["y"] + top * box["height"])
    page.mouse.move(5, 5)  # it is pinned
    settle(page)


def read_sum(text):
    """What the terms of a written sum add up to, and what stands behind the sign of equality."""
    terms, total = re.sub(r"\(.*?\)|.*:", "", text).replace("\N{MINUS SIGN}", "-").split("=")
    return round(sum(float(term.replace(" ", "")) for term in re.findall(r"-? ?\d+\.\d+", terms)), 4), float(total)


def test_what_is_written_adds_up_to_the_activation(open_page, trained_folder):
    page, model = open_page(f"{CNN}/draw.html"), load(trained_folder, CNN)
    replay(page, SEVEN)
    outputs = [output[0] for output in compute_activations(model, [read_image(page)])]
    # Of each stage: Keras's layer, its values as rows, columns and maps, and the lines to what one comes from.
    stages = {1: (1, (28, 28, 16), 1), 2: (2, (14, 14, 16), 1), 3: (3, (14, 14, 36), 16)}
    stages |= {4: (4, (7, 7, 36), 1), 5: (6, (1, 49, 36), 1), 6: (7, (32, 4, 1), 36)}
    for stage, (layer, shape, lines) in stages.items():
        values = outputs[layer].reshape(shape)
        y, x, at = np.unravel_index(values.argmax(), shape)
        click_value(page, stage, at, y, x)
        name = f"map {at + 1}, row {y + 1}, column {x + 1}" if stage < 5 else f" {values.argmax() + 1}"
        assert page.text_content("#heading").endswith(f"{name}: {values.max():.2f}")
        assert page.locator("#overlay line").count() == lines and page.locator("#overlay .value").count() == 1
        if stage == 1:  # a student multiplies first
            assert page.locator(".group figure").count() == 2 and "=" not in page.text_content("#parts .sum")[7:]
            page.click("text=Products and sum")
            settle(page)
        written = page.text_content("#parts .sum")
        if stage in (1, 3, 6):
            terms, total = read_sum(written)
            assert terms == total == pytest.approx(values.max(), abs=0.006)
        elif stage in (2, 4):
            candidates = re.findall(r"\d\.\d\d", written)
            assert len(candidates) == 5 and max(candidates) == candidates[-1] == f"{values.max():.2f}"
    assert page.locator(".card canvas").count() == 3 * 36
    page.click(".card >> nth=0")
    settle(page)
    assert page.locator(".group .cell").count() == 3 * 49  # its numbers, 7x7
    page.click("#bars button:nth-child(8)")
    settle(page)
    kernel, bias = model.layers[-1].get_weights()
    terms, logit = read_sum(page.text_content("#parts .sum"))
    assert terms == logit == pytest.approx((outputs[7] @ kernel + bias)[7], abs=0.006)
    powers = [float(cell) for cell in page.locator("tr:nth-child(3) td").all_text_contents()[:10]]
    probability = float(re.search(r"≈ (0\.\d{4})", page.text_content("#parts"))[1])
    assert probability == pytest.approx(powers[7] / sum(powers), abs=2e-4)


def test_playing_fills_a_map_value_by_value(open_page):
    page = open_page(f"{CNN}/draw.html#en&image=3&pin=2,1,0,0")
    painted = """(() => {
        const copy = new OffscreenCanvas(14, 14).getContext("2d", { willReadFrequently: true });
        copy.drawImage(stage2, -15, 0);
        return copy.getImageData(0, 0, 14, 14).data.filter((value, i) => i % 4 === 3 && value).length;
    })()"""
    assert page.evaluate(painted) == 14 * 14
    page.click("#step")
    settle(page)
    assert page.evaluate(painted) == 1 and "column 1:" in page.text_content("#heading")
    page.click("#play")
    page.wait_for_function(f"{painted} >= 4")  # 250 ms each
    page.keyboard.press("Escape")
    settle(page)
    assert page.evaluate(painted) == 14 * 14
    still = open_page(f"{CNN}/draw.html", reduced_motion="reduce")
    assert still.is_hidden("#play") and still.is_visible("#step")


def test_a_link_restores_the_state(open_page):
    page = open_page(f"{CNN}/draw.html", locale="zh-TW")
    replay(page, [*SEVEN, [(90, 150), (200, 150)]])
    click_value(page, 3, 4, 5, 6)
    link, heading = page.get_attribute("#link", "href"), page.text_content("#heading")
    assert link.startswith("#zh-TW&pin=3,4,5,6&") and "特徵圖 5" in heading
    other = open_page(f"{CNN}/draw.html{link}")
    assert other.text_content("#heading") == heading and other.get_attribute("#link", "href") == link
    assert (read_image(other) == read_image(page)).all()
    other.click("#language")
    other.reload()
    other.wait_for_selector("text=Draw a digit")
    other.goto(other.url.partition("#")[0])
    other.wait_for_selector("text=Draw a digit")  # it was chosen last
    assert page.evaluate("document.documentElement.lang") == "zh-TW"
    other.evaluate("localStorage.language = 'fr'")
    for ignored in ("image=abc", "image=1000", "strokes=0a0b0c", "strokes=zz00", "pin=1,2"):
        other.goto("about:blank")
        other.goto(f"{page.url.partition('#')[0]}#{ignored}")
        other.wait_for_selector("text=Prediction")
        assert "image=0" in other.get_attribute("#link", "href") and other.input_value("#number") == "0"


def test_a_page_that_cannot_start_says_so(open_page, chromium, trained_copy):
    path = trained_copy / "plots" / MLP / "draw.html"
    assert open_page(f"{MLP}/draw.html", trained_copy).locator("#starting").count() == 0
    path.write_text(path.read_text("utf-8").replace('id="pad"', ""), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#starting", state="visible")


def test_a_checker_of_accessibility_finds_nothing(open_page):
    dark, phone = {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}
    states = {f"{CNN}/draw.html#en&image=1": {}, f"{CNN}/draw.html#zh-TW&pin=3,4,5,6": dark}
    states |= {f"{CNN}/draw.html#en&pin=7,0,3,0": {}, f"{MLP}/draw.html#en&image=3&pin=2,0,3,0": phone}
    for path, context in states.items():
        assert find_violations(open_page(path, **context)) == {}, path


def test_both_languages_say_the_same():
    for name in ("draw/text.json", "index/text.json"):
        english, chinese = json.loads(template.read(name)).values()
        assert english.keys() <= chinese.keys()
        for key, text in english.items():
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese[key])), key


def test_a_layer_that_the_page_cannot_compute_is_named(tensorflow):
    import keras
    from keras import layers

    unknown = {
        "BatchNormalization": [layers.Flatten(), layers.BatchNormalization()],
        "activation=tanh": [layers.Flatten(), layers.Dense(5, activation="tanh")],
        "padding=valid": [layers.Conv2D(2, 3), layers.Flatten()],
        "strides=(2, 2)": [layers.Conv2D(2, 3, 2, padding="same"), layers.Flatten()],
        "an output of shape": [layers.Flatten(), layers.Dense(784), layers.Reshape((28, 28, 1)), layers.Flatten()],
        "an input of shape": [layers.Dense(3), layers.Flatten()],
    }
    for name, hidden in unknown.items():
        hidden = [keras.Input((784,)), layers.Reshape((28, 28, 1)), *hidden]
        model = keras.Sequential([*hidden, layers.Dense(10, activation="softmax")])
        with pytest.raises(CannotDraw, match=re.escape(name)):
            check_layers(model)
    model = keras.Sequential([keras.Input((784,)), layers.Dense(10)])
    with pytest.raises(CannotDraw, match="not the softmax of ten values"):
        check_layers(model)
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    with pytest.raises(CannotDraw, match="the training diverged"):
        check_layers(model)

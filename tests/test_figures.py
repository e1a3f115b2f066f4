"""What is in the figures: curves, labels, titles, the numbers in the cells."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import cnn
import mlp_dropout
import preprocess
from conftest import ROOT
from digits import handwriting
from digits.figures import curves as training
from digits.figures import evaluation, layers, networks, preprocessing, style, worked_examples
from digits.metrics import recall_and_precision
from study import claims
from study import figures as study_figures

RNG = np.random.default_rng(0)
IMAGES = RNG.random((30, 784), np.float32)
HISTORY = pd.DataFrame(
    {"accuracy": [0.9, 0.99], "loss": [0.5, 0.1], "val_accuracy": [0.95, 0.96], "val_loss": [0.3, 0.2]}
)


@pytest.fixture
def draw(monkeypatch, tmp_path):
    """A function that draws a figure and returns its matplotlib Axes. Nothing of the figure is cut off."""
    figures, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda fig, renderer: (figures.append(fig), draw(fig, renderer)))

    def draw_figure(plot, *arguments, **more):
        assert plot(*arguments, path=tmp_path / "figure.png", **more).exists()
        (left, bottom), (right, top) = figures[-1].get_tightbbox().get_points()
        width, height = figures[-1].get_size_inches()
        assert left > -0.01 and bottom > -0.01 and right < width + 0.01 and top < height + 0.01
        return figures[-1].axes

    return draw_figure


def read(found):
    return [text.get_text() for text in found]


def texts(axes):
    return [text for text in read(axes.texts) if text]


def curves(axes):
    return {line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines}


def crosses(axes):
    return [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() == "x"]


@pytest.mark.parametrize(("hidden", "rate", "crossed"), [(3, 0, 0), (256, 0, 0), (800, 0.25, 2), (800, 0.5, 4)])
def test_the_network_of_an_mlp(draw, tensorflow, hidden, rate, crossed):
    (axes,) = draw(networks.plot_network, mlp_dropout.build_model(hidden, rate), title="MLP")
    assert axes.figure.get_suptitle() == f"MLP: {785 * hidden + 10 * hidden + 10:,} parameters"
    last = "h" + f"{hidden}".translate(networks.SUBSCRIPTS)
    assert {"x₁", "x₇₈₄", "h₁", last, *(f"y{digit}" for digit in "₀₁₂₃₄₅₆₇₈₉")} <= set(texts(axes))
    assert {"784 values", "hidden layer, ReLU", f"{hidden} units", "output, softmax", "10 units"} <= set(texts(axes))
    assert {f"784·{hidden} + {hidden}", f"{hidden}·10 + 10", f"= {10 * hidden + 10:,}"} <= set(texts(axes))
    # Dropout crosses units out, all in one layer, and cuts their lines; no label lies under a cross.
    assert len(crosses(axes)) == crossed and len({x for x, _ in crosses(axes)}) <= 1
    assert not {text.get_position() for text in axes.texts} & set(crosses(axes))
    shown = min(hidden, 9) - crossed
    assert [len(lines.get_segments()) for lines in axes.collections[1:]] == [9 * shown, shown * 10]
    assert (f"Dropout({rate:g}) leaves out a different {rate:.0%}" in axes.figure.get_supxlabel()) == bool(rate)


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_network_of_the_cnn(draw, tensorflow, kernel):
    (axes,) = draw(networks.plot_network, cnn.build_model(kernel), title="CNN")
    sizes = ["1 image, 28x28", "16 maps, 28x28", "16 maps, 14x14", "36 maps, 14x14", "36 maps, 7x7"]
    sizes += ["1764 values", "128 units", "10 units"]
    assert [text for text in texts(axes) if text in sizes] == sizes
    assert {"convolution 1, ReLU", "max pooling 2", f"{kernel}·{kernel}·16·36 + 36"} <= set(texts(axes))
    assert "= 225,920" in texts(axes) and "d₁₇₆₄" in texts(axes) and "x₁" not in texts(axes)
    image = next(patch for patch in axes.patches if patch.get_label() == "map")
    windows = [patch.get_width() for patch in axes.patches if patch.get_label() == "window"]
    assert [round(28 * width / image.get_width()) for width in windows] == [kernel, 2, kernel, 2]
    assert len(crosses(axes)) == 2 and "Dropout(0.25)" in axes.figure.get_supxlabel()


def test_learning_curve(draw):
    accuracy, loss = draw(training.plot_learning_curve, HISTORY, title="CNN")
    assert curves(accuracy) == {"training": ([0.5, 1.5], [0.9, 0.99]), "validation": ([1, 2], [0.95, 0.96])}
    assert curves(loss) == {"training": ([0.5, 1.5], [0.5, 0.1]), "validation": ([1, 2], [0.3, 0.2])}
    assert texts(accuracy) == ["training 0.9900", "validation 0.9600"]
    assert (accuracy.get_title(), loss.get_title()) == ("accuracy", "loss")
    assert accuracy.figure.get_supxlabel().startswith("Training is drawn half an epoch earlier")


def test_learning_curves_of_other_runs(draw):
    """Better in validation, without it, a gap that another seed can make, nothing learned; with a loss only."""
    nothing = HISTORY * np.nan
    others = [HISTORY.assign(val_accuracy=0.995), HISTORY[["accuracy", "loss"]], HISTORY.assign(val_accuracy=0.986)]
    drawn = [draw(training.plot_learning_curve, history, title="CNN") for history in (HISTORY, *others, nothing)]
    sentences = [
        "\nOverfitting: training ends 0.0300 above validation (shaded)",
        "\nTraining ends 0.0050 below validation",
    ]
    sentences += ["", "\nTraining ends 0.0040 above validation (shaded)"]
    titles = [accuracy.figure.get_suptitle() for accuracy, _ in drawn]
    assert titles[:4] == [f"CNN{sentence}" for sentence in sentences]
    assert len({accuracy.get_ylim() for accuracy, _ in drawn[:4]}) == 1  # so that runs can be compared
    draw(training.plot_learning_curve, HISTORY[["loss"]], title="narrow")
    panels = draw(training.plot_learning_curves, {"one": HISTORY, "two": HISTORY[["accuracy", "loss"]]})
    assert [axes.get_title() for axes in panels] == ["one", "two"]
    assert [texts(axes) for axes in panels] == [["Overfitting:\ntraining ends\n0.0300 above validation"], []]


def test_confusion_matrix(draw):
    matrix = np.arange(100).reshape(10, 10)
    matrix[1] = 0
    (axes,) = draw(evaluation.plot_confusion_matrix, matrix, title="CNN")
    found = {text.get_position(): text.get_text() for text in axes.texts}
    assert all(found.get((column, row), "0") == str(count) for (row, column), count in np.ndenumerate(matrix))
    margins = [found[10.25, row] for row in range(10)] + [found[column, 10] for column in range(10)]
    table = recall_and_precision(pd.DataFrame(matrix))  # the figure rounds as the terminal does
    assert margins == [f"{value:.2%}".replace("nan%", "-") for value in [*table["recall"], *table["precision"]]]
    assert texts(axes)[-1] == "accuracy\n10.07%"
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true label", "predicted label")


@pytest.mark.parametrize("count", [0, 20])
def test_images_have_their_captions(draw, count):
    captions, numbers = [f"caption {i}" for i in range(count)], list(range(7, 7 + count))
    group = IMAGES[:count], captions, numbers
    (axes,) = draw(evaluation.plot_images, {"group": group}, title="title", columns=10)
    assert texts(axes) == [*captions, *map(str, numbers)] and len(axes.images) == count
    for image, shown, text in zip(IMAGES, axes.images, axes.texts):
        np.testing.assert_array_equal(shown.get_array(), image.reshape(28, 28))
        left, right, _, top = shown.get_extent()
        assert text.get_position() == pytest.approx(((left + right) / 2, top), abs=0.1)  # above it


def test_disagreements_are_a_table_and_groups_of_images(draw):
    groups = {"a": (IMAGES[:12], [*"abcdefghijkl"], range(12)), "b": (IMAGES[:1], ["a"], [5])}
    table, *walls = draw(evaluation.plot_disagreements, [[90, 6], [3, 1]], ["CNN", "MLP"], groups, title="title")
    assert texts(table)[::2] == ["90", "6", "3", "1"]
    assert texts(table)[1::2] == ["both correct", "only the CNN\ncorrect", "only the MLP\ncorrect", "both wrong"]
    assert (table.get_ylabel(), table.get_xlabel()) == ("CNN", "MLP")
    assert [(axes.get_title(), len(axes.images)) for axes in walls] == [("a", 12), ("b", 1)]


@pytest.mark.parametrize("count", [1, 11])
def test_a_prediction_shows_each_digit_and_its_probabilities(draw, count):
    probabilities = np.full((count, 10), 0.01)
    probabilities[:, 3] = 0.9189
    boxes, dropped = np.array([[0, 0, 10, 20]] * count), np.array([[30, 0, 35, 9]])
    digits = handwriting.Digits(boxes, IMAGES[:count].reshape(count, 28, 28), np.zeros(count, bool), dropped)
    doubts = ["low confidence"] + [""] * (count - 1)
    photo = np.zeros((40, 60, 3), np.uint8)
    whole, found = draw(evaluation.plot_prediction, photo, digits, probabilities, doubts, title="37")
    assert [line.get_linestyle() for line in whole.lines] == [":", "--"] + ["-"] * (count - 1)
    assert texts(whole) == ["3?"] + ["3"] * (count - 1)  # what a frame holds by the prediction, not its order
    assert texts(found).count("3  91.9%") == count - 1 and texts(found).count("3?  91.9%") == 1
    assert [-2 * bar.get_height() for bar in found.patches] == pytest.approx(probabilities.ravel())
    assert len({tuple(shown.get_extent()) for shown in found.images}) == count  # none hides another


def test_preprocessing_shows_the_numbers_of_an_image_and_its_label(draw):
    raw, label = np.arange(784, dtype=np.uint8).reshape(28, 28), np.eye(10)[3]
    features = preprocess.flatten_and_normalize(raw[None])[0]
    _, framed, normalised, row, boxes = draw(preprocessing.plot_preprocessing, raw, features, label, title="title")
    assert texts(framed) == [f"{value}" for value in raw[10:18, 6:14].flat]  # rows and columns counted from 1
    assert read(framed.get_yticklabels()) == [f"{row}" for row in range(11, 19)]
    assert read(framed.get_xticklabels()) == [f"{column}" for column in range(7, 15)]
    assert texts(normalised) == [f"{value / 255:.2f}" for value in raw[10:18, 6:14].flat]
    np.testing.assert_array_equal(row.images[0].get_array(), [features])
    assert texts(boxes) == [*"0001000000", *"0123456789"]


def test_feature_maps(draw):
    activations = [("convolution", RNG.random((28, 28, 16))), ("max pooling", RNG.random((14, 14, 16)))]
    activations += [("flatten", RNG.random(1764)), ("hidden layer", RNG.random(128))]
    probabilities = np.array([0.001, 0, 0.1, 0.86, 0, 0.03, 0.004, 0.005, 0, 0])
    (axes,) = draw(layers.plot_feature_maps, IMAGES[0], activations, probabilities, title="title")
    headings = ["→ convolution: 16 maps, 28x28", "→ max pooling: 16 maps, 14x14", "→ flatten: 1764 values"]
    headings = ["input", *headings, "→ hidden layer: 128 units", "→ output: 10 probabilities"]
    assert [text for text in texts(axes) if text == "input" or "→" in text] == headings
    digit, *maps, flatten, hidden = axes.images
    np.testing.assert_array_equal(digit.get_array(), IMAGES[0].reshape(28, 28))
    for (_, layer), images in zip(activations, (maps[:16], maps[16:])):
        for number, image in enumerate(images):  # in the order of filters.png
            np.testing.assert_array_equal(image.get_array(), layer[:, :, number])
            assert image.get_extent()[0] == images[number % 8].get_extent()[0]
    np.testing.assert_array_equal(flatten.get_array()[0], activations[2][1])
    np.testing.assert_array_equal(hidden.get_array()[0], activations[3][1])
    assert [-bar.get_height() for bar in axes.patches] == pytest.approx(probabilities)
    assert [text for text in texts(axes) if "%" in text] == ["86.0%", "10.0%", "3.0%"]


@pytest.mark.parametrize("width", [1, 5])
def test_filters(draw, width):
    kernel = RNG.normal(size=(width, width, 1, 16))
    axes, _ = draw(layers.plot_filters, kernel, title="a title that is longer than this figure is wide, " * 2)
    assert len({image.get_extent()[0] for image in axes.images}) == 8  # at the places of their feature maps
    for number, image in enumerate(axes.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, :, 0, number])
        assert image.norm.vmin == -image.norm.vmax == -np.abs(kernel).max()
    negative, positive = image.cmap([0.0, 1.0])[:, :3] @ [0.299, 0.587, 0.114]
    assert negative < 0.3 < positive - 0.1  # in print in grey too


@pytest.mark.parametrize("hidden", [1, 256])
def test_hidden_units_are_the_strongest(draw, hidden):
    kernel, outgoing = RNG.normal(size=(784, hidden)), np.zeros((hidden, 10))
    outgoing[:, 4] = 1
    outgoing[-1, 7] = 100  # the last is the strongest, and for a 7
    axes, _ = draw(layers.plot_hidden_units, kernel, outgoing, title="title")
    assert texts(axes) == ["supports 7", *["supports 4"] * (min(hidden, 24) - 1)]
    np.testing.assert_array_equal(axes.images[0].get_array(), kernel[:, -1].reshape(28, 28))


def test_a_convolution_shows_every_step(draw):
    image, kernel, output = np.arange(9.0).reshape(3, 3), np.eye(3), np.arange(1.0, 10).reshape(3, 3)
    equation, *steps = draw(worked_examples.plot_convolution, image, kernel, output)
    assert texts(equation) == [*"012345678", "image", "*", *"100010001", "filter", "=", *"123456789", "output"]
    assert steps[0].get_title(loc="left") == "0·1 + 0·0 + 0·0 +\n0·0 + 0·1 + 1·0 +\n0·0 + 3·0 + 4·1 = 1"
    for number, axes in enumerate(steps, start=1):
        assert texts(axes)[texts(axes).index("→") + 1 :] == [*"123456789"[:number]]
        assert read(text for text in axes.texts if text.get_fontweight() == "bold")[-1] == f"{number}"


def test_the_flow_chart_has_the_lines_of_the_script(draw):
    script = "# a new first line\n" + (ROOT / "mlp.py").read_text(encoding="utf-8")
    (axes,) = draw(worked_examples.plot_flow_chart, script)
    found = [text.split()[1:] for text in texts(axes) if text.startswith("line ")]
    assert len(found) == 6 and "5. Predict" in texts(axes)
    assert all(f"{call}(" in script.splitlines()[int(number[:-1]) - 1] for number, call in found)


def test_max_pooling_shows_what_it_compares(draw):
    image, output = np.arange(16.0).reshape(4, 4), np.array([[5.0, 7], [13, 15]])
    (axes,) = draw(worked_examples.plot_max_pooling, image, output)
    worked = ["max(0, 1, 4, 5) = 5", "max(2, 3, 6, 7) = 7", "max(8, 9, 12, 13) = 13", "max(10, 11, 14, 15) = 15"]
    assert [text for text in texts(axes) if text.startswith("max")] == worked


def test_seeds_are_dots_and_the_deck_is_a_diamond(draw):
    values, references = {"MLP": [0.97, 0.98, 0.99], "CNN": [0.992]}, {"CNN": 0.9902}
    axes, margin = draw(study_figures.plot_seeds, values, title="title", label="test accuracy", references=references)
    lines = {marker: [list(line.get_xdata()) for line in axes.lines if line.get_marker() == marker] for marker in "o|D"}
    assert lines == {"o": [*values.values()], "|": [[pytest.approx(0.98)], [0.992]], "D": [[0.9902]]}
    assert read(axes.get_yticklabels()) == ["MLP", "CNN"]
    assert texts(margin) == ["3", "0.9800", "0.0100", "1", "0.9920", "-", "n", "mean", "sd"]


def test_claims_are_a_forest_plot(draw):
    holds, single = (
        claims.judge_difference("13", "more units overfit more", "gap", pd.Series(seeds))
        for seeds in ([0.019, 0.02, 0.021], [0.02])
    )
    fails = claims.judge_difference("14-17", "Dropout helps", "test accuracy", pd.Series([-0.01, -0.011, -0.012]))
    groups = {"gap": [holds, single], "test accuracy": [fails, holds]}
    first, margin, second, _ = draw(study_figures.plot_claims, groups, title="title")
    assert read(second.get_yticklabels()) == ["Dropout helps (slides 14-17)", "more units overfit more (slide 13)"]
    _, interval, mean, *_ = first.lines
    assert list(interval.get_xdata()) == [holds.low, holds.high] and list(mean.get_xdata()) == [holds.mean]
    row = ["3", "0.0200", f"{holds.low:.4f} to {holds.high:.4f}"]
    assert texts(margin)[:6] == [*row, "1", "0.0200", "-"]  # one seed has no interval
    assert second.lines[1].get_color() == style.ORANGE != mean.get_color()


def test_percentages_are_rounded_to_the_nearest_but_not_to_100():
    shares = {0.99996: "99.9%", 1: "100.0%", 0.5096: "51.0%", 0.5094: "50.9%", np.float32(0.1): "10.0%", np.nan: "-"}
    assert [style.format_percent(share) for share in shares] == list(shares.values())
    assert [style.format_percent(n / 10000, 2) for n in range(10001)] == [f"{n / 100:.2f}%" for n in range(10001)]
    assert [evaluation.describe_prediction(5, n, 0.5) for n in (5, 6)] == ["5  50.0%", "5 → 6  50.0%"]

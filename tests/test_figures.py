"""What is in the figures: curves, labels, titles, the numbers in the cells."""

import matplotlib
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
HISTORY = pd.DataFrame({"accuracy": [0.9, 0.99], "loss": [0.5, 0.1]})
VALIDATED = HISTORY.assign(val_accuracy=[0.95, 0.96], val_loss=[0.3, 0.2])


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


def shaded(axes):
    """The corners of what is shaded: x, y, x, y."""
    return [path.get_extents().extents.tolist() for band in axes.collections for path in band.get_paths()]


def test_the_network_of_an_mlp(draw, tensorflow):
    (axes,) = draw(networks.plot_network, mlp_dropout.build_model(800, 0.5), title="MLP")
    assert axes.figure.get_suptitle() == "MLP: 636,010 parameters"
    assert " ".join(texts(axes)) == (
        "x₁ x₂ x₃ x₄ x₅ x₆ x₇ ⋮ x₇₈₃ x₇₈₄ input 784 values no parameters "
        "h₁ h₂ h₄ h₅ ⋮ h₈₀₀ hidden layer, ReLU 800 units 784·800 + 800 = 628,000 parameters "
        "y₀ y₁ y₂ y₃ y₄ y₅ y₆ y₇ y₈ y₉ output, softmax 10 units 800·10 + 10 = 8,010 parameters"
    )
    # Dropout crosses out the units without a label, and cuts their lines.
    crosses = {tuple(line.get_xydata()[0]) for line in axes.lines}
    to_hidden, to_output = (lines.get_segments() for lines in axes.collections[1:])
    assert (len(crosses), len(to_hidden), len(to_output)) == (4, 9 * 5, 5 * 10)
    assert not crosses & {*(text.get_position() for text in axes.texts), *(tuple(end) for _, end in to_hidden)}
    assert "Dropout(0.5) leaves out a different 50%" in axes.figure.get_supxlabel()


def test_the_network_of_the_cnn(draw, tensorflow):
    (axes,) = draw(networks.plot_network, cnn.build_model(5), title="CNN")
    assert " ".join(texts(axes)) == (
        "input 1 image, 28x28 no parameters convolution 1, ReLU 16 maps, 28x28 5·5·1·16 + 16 = 416 parameters "
        "max pooling 1 16 maps, 14x14 no parameters convolution 2, ReLU 36 maps, 14x14 5·5·16·36 + 36 = 14,436 "
        "parameters max pooling 2 36 maps, 7x7 no parameters d₁ d₂ d₄ d₅ d₆ d₇ ⋮ d₁₇₆₄ flatten 1764 values no "
        "parameters h₁ h₂ h₃ h₄ h₅ h₆ h₇ ⋮ h₁₂₇ h₁₂₈ hidden layer, ReLU 128 units 1764·128 + 128 = 225,920 parameters "
        "y₀ y₁ y₂ y₃ y₄ y₅ y₆ y₇ y₈ y₉ output, softmax 10 units 128·10 + 10 = 1,290 parameters "
        "feature extraction fully connected"
    )
    image = next(patch for patch in axes.patches if patch.get_label() == "map")
    windows = [patch.get_width() for patch in axes.patches if patch.get_label() == "window"]
    assert [round(28 * width / image.get_width()) for width in windows] == [5, 2, 5, 2]
    assert "Dropout(0.25)" in axes.figure.get_supxlabel()
    places = [text.get_window_extent() for text in axes.texts]
    assert sum(place.count_overlaps(places) for place in places) == len(places)  # each with itself


def test_learning_curve(draw):
    accuracy, loss = draw(training.plot_learning_curve, VALIDATED, title="CNN")
    assert accuracy.figure.get_suptitle() == "CNN\nOverfitting: training ends 0.0300 above validation (shaded)"
    assert curves(accuracy) == {"training": ([0.5, 1.5], [0.9, 0.99]), "validation": ([1, 2], [0.95, 0.96])}
    assert curves(loss) == {"training": ([0.5, 1.5], [0.5, 0.1]), "validation": ([1, 2], [0.3, 0.2])}
    assert texts(accuracy) == ["training 0.9900", "validation 0.9600"]
    assert (accuracy.get_title(), loss.get_title()) == ("accuracy", "loss")
    # From where the curves cross, to the end of the training curve.
    assert shaded(accuracy) == [pytest.approx([1.0625, 0.950625, 1.5, 0.99])]
    assert shaded(loss) == [pytest.approx([1, 0.1, 1.5, 0.3])]


def test_learning_curves_of_other_runs(draw):
    """Better in validation, a gap that another seed can make, no validation; no accuracy, diverged."""
    sentences = ["Training ends 0.0050 below validation", "Training ends 0.0040 above validation", ""]
    histories = [HISTORY.assign(val_accuracy=0.995), HISTORY.assign(val_accuracy=0.986), HISTORY]
    assert [training.describe_gap(history) for history in histories] == sentences
    panels = draw(training.plot_learning_curves, dict(zip(["one", "two", "three"], histories)))
    assert [axes.get_title() for axes in panels] == ["one", "two", "three"]
    assert [" ".join(texts(axes)).split() for axes in panels] == [sentence.split() for sentence in sentences]
    assert [len(shaded(axes)) for axes in panels] == [0, 1, 0]
    draw(training.plot_learning_curve, HISTORY[["loss"]] * np.nan, title="narrow")


def test_confusion_matrix(draw):
    matrix = np.arange(100).reshape(10, 10)
    matrix[1] = 0
    (axes,) = draw(evaluation.plot_confusion_matrix, matrix, title="CNN")
    found = {text.get_position(): text.get_text() for text in axes.texts}
    assert all(found.get((column, row), "0") == str(count) for (row, column), count in np.ndenumerate(matrix))
    margins = [found[10.25, row] for row in range(10)] + [found[column, 10] for column in range(10)]
    table = recall_and_precision(pd.DataFrame(matrix))  # the figure rounds as the terminal does
    assert margins == [f"{value:.2%}".replace("nan%", "-") for value in [*table["recall"], *table["precision"]]]
    assert found[10.25, 10] == "accuracy\n10.07%"
    assert read(axes.get_xticklabels()) == [*"0123456789", "recall"]
    assert read(axes.get_yticklabels()) == [*"0123456789", "precision"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true label", "predicted label")


def test_images_have_their_captions(draw):
    captions, numbers = [f"caption {i}" for i in range(20)], list(range(7, 27))
    groups = {"none": (IMAGES[:0], [], []), "some": (IMAGES[:20], captions, numbers)}
    none, some = draw(evaluation.plot_images, groups, title="7 → ₁ é \udca4", columns=10)
    assert some.figure.get_suptitle() == "7 → ₁ é ?"  # what is no text
    assert matplotlib.rcParams["text.parse_math"]  # the style does not leak into a student's own figures
    assert (none.get_title(), len(none.images), some.get_title(), len(some.images)) == ("none", 0, "some", 20)
    assert texts(some) == [*captions, *map(str, numbers)]
    for image, shown, text in zip(IMAGES, some.images, some.texts):
        np.testing.assert_array_equal(shown.get_array(), image.reshape(28, 28))
        left, right, _, top = shown.get_extent()
        assert text.get_position() == pytest.approx(((left + right) / 2, top), abs=0.1)  # above it


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
    captions, numbers = ["3?  91.9%"] + ["3  91.9%"] * (count - 1), [f"#{number}" for number in range(1, count + 1)]
    assert texts(found)[: -10 * count] == captions + numbers * (count > 1)
    assert [-2 * bar.get_height() for bar in found.patches] == pytest.approx(probabilities.ravel())
    assert len({tuple(shown.get_extent()) for shown in found.images}) == count  # none hides another


def test_samples_are_ten_of_each_digit(draw):
    x, labels = np.repeat(np.arange(10) / 10, 784 * 12).reshape(-1, 784), np.repeat(np.arange(10), 12)
    (axes,) = draw(preprocessing.plot_samples, x, labels, title="title")
    wall = axes.images[0].get_array()
    assert [wall[30 * digit + 15, 15] for digit in range(10)] == pytest.approx(np.arange(10) / 10)


def test_preprocessing_shows_the_numbers_of_an_image_and_its_label(draw):
    raw, label = np.arange(784, dtype=np.uint8).reshape(28, 28), np.eye(10)[3]
    features = preprocess.flatten_and_normalize(raw[None])[0]
    _, framed, normalised, row, boxes = draw(preprocessing.plot_preprocessing, raw, features, label, title="title")
    assert texts(framed) == [f"{value}" for value in raw[10:18, 6:14].flat]
    assert texts(normalised) == [f"{value / 255:.2f}" for value in raw[10:18, 6:14].flat]
    assert (framed.get_yticks()[0], framed.get_xticks()[0]) == (11, 7)  # counted from 1
    np.testing.assert_array_equal(row.images[0].get_array(), [features])
    assert texts(boxes) == [*"0001000000", *"0123456789"]


def test_feature_maps(draw):
    convolution, pooling, flat, units = (RNG.random(shape) for shape in ((28, 28, 16), (14, 14, 16), 1764, 128))
    names = ["convolution", "max pooling", "flatten", "hidden layer"]
    activations = list(zip(names, (convolution, pooling, flat, units)))
    probabilities = np.array([0.001, 0, 0.1, 0.86, 0, 0.03, 0.004, 0.005, 0, 0])
    (axes,) = draw(layers.plot_feature_maps, IMAGES[0], activations, probabilities, title="title")
    numbers = [f"{number}" for number in range(1, 17)]
    headings = ["→ flatten: 1764 values", "→ hidden layer: 128 units", "→ output: 10 probabilities"]
    layers_of_maps = ["→ convolution: 16 maps, 28x28", *numbers, "→ max pooling: 16 maps, 14x14", *numbers]
    assert texts(axes) == ["input", *layers_of_maps, *headings, *"0123456789", "86.0%", "10.0%", "3.0%"]
    maps = [*convolution.transpose(2, 0, 1), *pooling.transpose(2, 0, 1)]
    for shown, values in zip(axes.images, [IMAGES[0].reshape(28, 28), *maps, [flat], [units]], strict=True):
        np.testing.assert_array_equal(shown.get_array(), values)
    assert [-bar.get_height() for bar in axes.patches] == pytest.approx(probabilities)


def test_filters(draw):
    kernel = RNG.normal(size=(5, 5, 1, 16))
    axes, bar = draw(layers.plot_filters, kernel, title="a title that is longer than this figure is wide, " * 2)
    assert texts(axes) == [f"{number}" for number in range(1, 17)] and bar.get_ylabel() == "weight"
    np.testing.assert_array_equal([image.get_array() for image in axes.images], kernel[:, :, 0].transpose(2, 0, 1))


def test_a_convolution_shows_every_step(draw):
    image, kernel, output = np.arange(9.0).reshape(3, 3), np.eye(3), np.arange(1.0, 10).reshape(3, 3)
    (axes,) = draw(worked_examples.plot_convolution, image, kernel, output)
    assert texts(axes)[:32] == [*"012345678", "image", "*", *"100010001", "filter", "=", *"123456789", "output"]
    formulas = [text for text in texts(axes) if "·" in text]
    assert formulas[1] == "0·1 + 0·0 + 0·0 +\n0·0 + 1·1 + 2·0 +\n3·0 + 4·0 + 5·1 = 2"
    bold = read(text for text in axes.texts if text.get_fontweight() == "bold")
    assert bold == [*"004015020037048150060370480", *"123456789"]  # what the filter lies on; then the outputs
    assert "".join(texts(axes)).split("→")[1:] == ["123", "123456", "123456789"]  # filled in row by row


def test_the_flow_chart_has_the_lines_of_the_script(draw):
    script = "# a new first line\n" + (ROOT / "mlp.py").read_text(encoding="utf-8")
    (axes,) = draw(worked_examples.plot_flow_chart, script)
    found = [text.split()[1:] for text in texts(axes) if text.startswith("line ")]
    assert len(found) == 6 and {"1. Preprocess the data", "slides 2-6", "5. Predict"} <= set(texts(axes))
    assert all(f"{call}(" in script.splitlines()[int(number[:-1]) - 1] for number, call in found)


def test_max_pooling_shows_every_step(draw):
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
    holds = claims.judge_difference("13", "more units overfit more", "gap", pd.Series([0.019, 0.02, 0.021]))
    single = claims.judge_difference("14-17", "Dropout helps", "gap", pd.Series([0.02]))
    _, _, axes, margin = draw(study_figures.plot_claims, {"gap": [holds], "loss": [holds, single]}, title="title")
    assert axes.get_title(loc="left") == "Difference in loss"
    assert read(axes.get_yticklabels()) == ["more units overfit more (slide 13)", "Dropout helps (slides 14-17)"]
    _, interval, mean, *_ = axes.lines
    assert list(interval.get_xdata()) == [holds.low, holds.high] and list(mean.get_xdata()) == [holds.mean]
    interval = f"{holds.low:.4f} to {holds.high:.4f}"
    assert texts(margin) == ["3", "0.0200", interval, "1", "0.0200", "-"]  # one seed has no interval


def test_percentages_are_rounded_to_the_nearest_but_not_to_100():
    shares = {0.99996: "99.9%", 1: "100.0%", 0.5096: "51.0%", 0.5094: "50.9%", np.float32(0.1): "10.0%", np.nan: "-"}
    assert [style.format_percent(share) for share in shares] == list(shares.values())
    assert [style.format_percent(n / 10000, 2) for n in range(10001)] == [f"{n / 100:.2f}%" for n in range(10001)]
    assert [evaluation.describe_prediction(5, n, 0.5) for n in (5, 6)] == ["5  50.0%", "5 → 6  50.0%"]

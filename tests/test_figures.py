"""What is in the figures: curves, labels, titles, the numbers in the cells."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

import cnn
import mlp
import mlp_dropout
from digits import handwriting
from digits.figures import evaluation, layers, networks, style, training, worked_examples
from study import claims
from study import figures as study_figures

RNG = np.random.default_rng(0)
IMAGES = RNG.random((30, 784), np.float32)
HISTORY = pd.DataFrame(
    {"accuracy": [0.9, 0.99], "loss": [0.5, 0.1], "val_accuracy": [0.95, 0.96], "val_loss": [0.3, 0.2]}
)


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, as matplotlib Figures; they are written too. Nothing of them is cut off."""
    from matplotlib.figure import Figure

    figures, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda fig, renderer: (figures.append(fig), draw(fig, renderer)))
    yield figures
    for fig in figures:
        (left, bottom), (right, top) = fig.get_tightbbox().get_points()
        width, height = fig.get_size_inches()
        assert left > -0.01 and bottom > -0.01 and right < width + 0.01 and top < height + 0.01


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def cells(axes):
    """The texts in `axes` by their place."""
    return {text.get_position(): text.get_text() for text in axes.texts}


def curves(axes):
    return {line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines}


def legend(part):
    return [text.get_text() for text in part.legends[0].get_texts()]


def shaded(axes):
    """The x and y between which something is shaded, or None."""
    extents = [path.get_extents() for band in axes.collections for path in band.get_paths()]
    return [(box.intervalx.tolist(), box.intervaly.tolist()) for box in extents] or None


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def crosses(axes):
    return [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "x"]


@pytest.mark.parametrize("hidden", [3, 256])
def test_the_network_of_an_mlp(drawn, tmp_path, tensorflow, hidden):
    assert is_png(networks.plot_network(mlp.build_model(hidden), tmp_path / "n.png", "MLP"))
    (axes,) = drawn[0].axes
    parameters = 785 * hidden + 11 * hidden - hidden + 10
    assert drawn[0].get_suptitle() == f"MLP: {parameters:,} parameters"
    found = texts(axes)
    assert found.count("⋮") == (2 if hidden > 10 else 1) and not crosses(axes)
    for text in ("x₁", "x₇₈₄", "h₁", {3: "h₃", 256: "h₂₅₆"}[hidden], *(f"y{digit}" for digit in "₀₁₂₃₄₅₆₇₈₉")):
        assert text in found
    for text in ("784 values", f"{hidden} units", "10 units", f"784·{hidden} + {hidden}", f"{hidden}·10 + 10"):
        assert text in found
    assert "hidden layer, ReLU" in found and "output, softmax" in found
    assert f"= {785 * hidden:,} parameters" in found and f"= {10 * hidden + 10:,} parameters" in found


@pytest.mark.parametrize(("rate", "crossed"), [(0, 0), (0.25, 2), (0.5, 4)])
def test_dropout_crosses_units_out_and_cuts_their_lines(drawn, tmp_path, tensorflow, rate, crossed):
    networks.plot_network(mlp_dropout.build_model(800, rate), tmp_path / "n.png", "MLP")
    (axes,) = drawn[0].axes
    assert len(crosses(axes)) == crossed and len({x for x, _ in crosses(axes)}) <= 1
    to_hidden, to_output = (lines.get_segments() for lines in axes.collections[1:])
    assert (len(to_hidden), len(to_output)) == (9 * (9 - crossed), (9 - crossed) * 10)
    ends = {tuple(line[1]) for line in to_hidden}
    assert ends == {tuple(line[0]) for line in to_output} and not ends & set(map(tuple, crosses(axes)))
    assert (f"Dropout({rate:g}) leaves out a different {rate:.0%}" in drawn[0].get_supxlabel()) == bool(rate)


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_network_of_the_cnn(drawn, tmp_path, tensorflow, kernel):
    networks.plot_network(cnn.build_model(kernel), tmp_path / "n.png", "CNN")
    (axes,) = drawn[0].axes
    sizes = ["1 image, 28x28", "16 maps, 28x28", "16 maps, 14x14", "36 maps, 14x14", "36 maps, 7x7"]
    sizes += ["1764 values", "128 units", "10 units"]
    assert [text for text in texts(axes) if text in sizes] == sizes
    assert f"{kernel}·{kernel}·1·16 + 16" in texts(axes) and f"{kernel}·{kernel}·16·36 + 36" in texts(axes)
    assert "= 225,920 parameters" in texts(axes) and "d₁₇₆₄" in texts(axes) and "x₁" not in texts(axes)
    (first, *_), windows = (  # the squares of the maps, and the windows on them
        [patch for patch in axes.patches if patch.get_label() == label] for label in ("map", "window")
    )
    assert [round(28 * window.get_width() / first.get_width()) for window in windows] == [kernel, 2, kernel, 2]
    assert len(crosses(axes)) == 2 and "Dropout(0.25)" in drawn[0].get_supxlabel()


def test_learning_curve(drawn, tmp_path):
    path = training.plot_learning_curve(HISTORY, tmp_path / "a.png", "CNN")
    accuracy, loss = drawn[0].axes
    assert is_png(path)
    assert drawn[0].get_suptitle() == "CNN\nOverfitting (shaded): training ends 0.0300 above validation"
    assert curves(accuracy) == {"training": ([0.5, 1.5], [0.9, 0.99]), "validation": ([1, 2], [0.95, 0.96])}
    assert curves(loss) == {"training": ([0.5, 1.5], [0.5, 0.1]), "validation": ([1, 2], [0.3, 0.2])}
    assert texts(accuracy) == ["training 0.9900", "validation 0.9600"]
    assert (accuracy.get_title(), loss.get_title()) == ("accuracy", "loss")


def test_only_overfitting_is_shaded(drawn, tmp_path):
    training.plot_learning_curve(HISTORY, tmp_path / "a.png", "CNN")
    accuracy, loss = drawn[0].axes  # from where the curves cross, to the end of the training curve
    assert shaded(accuracy) == [(pytest.approx([1.0625, 1.5]), pytest.approx([0.950625, 0.99]))]
    assert shaded(loss) == [(pytest.approx([1, 1.5]), pytest.approx([0.1, 0.3]))]
    better = HISTORY.assign(val_accuracy=[0.99, 0.995], val_loss=[0.1, 0.05])
    training.plot_learning_curve(better, tmp_path / "a.png", "CNN")
    assert drawn[1].get_suptitle() == "CNN\nTraining ends 0.0050 below validation"
    assert [shaded(axes) for axes in drawn[1].axes] == [None, None]


def test_learning_curve_without_validation(drawn, tmp_path):
    training.plot_learning_curve(HISTORY[["accuracy", "loss"]], tmp_path / "a.png", "CNN")
    assert [len(axes.lines) for axes in drawn[0].axes] == [1, 1] and drawn[0].get_suptitle() == "CNN"


@pytest.mark.parametrize("values", [[0.1], [0.3, np.nan], [np.nan, np.nan]])
def test_learning_curve_of_a_run_that_learned_nothing(drawn, tmp_path, values):
    history = pd.DataFrame(dict.fromkeys(HISTORY, values))
    assert is_png(training.plot_learning_curve(history, tmp_path / "a.png", "CNN"))


def test_all_runs_have_the_same_axes(drawn, tmp_path):
    for change in (0, 0.005):
        training.plot_learning_curve(HISTORY - change, tmp_path / "a.png", "CNN")
    training.plot_learning_curve(HISTORY - 0.5, tmp_path / "a.png", "poor")
    ranges = [[axes.get_ylim() for axes in fig.axes] for fig in drawn]
    assert ranges[0][0] == ranges[1][0] and ranges[2][0][0] < 0.4  # and nothing is cut off


def test_learning_curves_stand_side_by_side(drawn, tmp_path):
    training.plot_learning_curves(
        {"one": HISTORY, "two": HISTORY, "three": HISTORY[["accuracy", "loss"]]}, tmp_path / "a.png"
    )
    assert [axes.get_title() for axes in drawn[0].axes] == ["one", "two", "three"]
    assert [texts(axes) for axes in drawn[0].axes] == [["training ends\n0.0300 above validation"]] * 2 + [[]]
    assert len({axes.get_ylim() for axes in drawn[0].axes}) == 1
    assert curves(drawn[0].axes[1]) == {"training": ([0.5, 1.5], [0.9, 0.99]), "validation": ([1, 2], [0.95, 0.96])}
    assert legend(drawn[0]) == ["training", "validation", "overfitting"]


def test_confusion_matrix(drawn, tmp_path):
    matrix = np.arange(100).reshape(10, 10)
    matrix[1] = 0
    evaluation.plot_confusion_matrix(matrix, tmp_path / "m.png", "CNN")
    (axes,) = drawn[0].axes  # no colour bar
    found = cells(axes)
    assert all(found.get((column, row), "0") == str(matrix[row, column]) for row in range(10) for column in range(10))
    assert (0, 0) not in found  # a zero is blank
    recall, precision = [found[10.25, row] for row in range(10)], [found[column, 10] for column in range(10)]
    assert recall[:3] == ["0.0%", "-", "8.9%"] and recall[9] == "10.4%"  # 22 of 245, 99 of 945
    assert precision[:2] == ["0.0%", "0.0%"] and precision[9] == "19.0%"  # 99 of 521
    assert texts(axes)[-1] == "accuracy\n10.07%"  # 484 of 4805
    assert [label.get_text() for label in axes.get_xticklabels()] == [*map(str, range(10)), "recall"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [*map(str, range(10)), "precision"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true label", "predicted label")


def test_a_prediction_in_words():
    assert evaluation.describe_prediction(5, 6, 0.9999) == "5 → 6  99.9%"
    assert evaluation.describe_prediction(5, 5, 0.5) == "5  50.0%"


@pytest.mark.parametrize("count", [0, 1, 20])
def test_images_have_their_captions(drawn, tmp_path, count):
    captions = [f"caption {i}" for i in range(count)]
    evaluation.plot_images({"group": (IMAGES[:count], captions)}, tmp_path / "i.png", "title", 10)
    (axes,) = drawn[0].axes
    assert (axes.get_title(), texts(axes)) == ("group", captions)
    for image, shown, text in zip(IMAGES, axes.images, axes.texts):
        np.testing.assert_array_equal(shown.get_array(), image.reshape(28, 28))
        left, right, _, top = shown.get_extent()
        assert text.get_position() == pytest.approx(((left + right) / 2, top), abs=0.1)  # above it


def test_disagreements_are_a_table_and_groups_of_images(drawn, tmp_path):
    captions = [f"{i}" for i in range(12)]
    groups = {"a": (IMAGES[:12], captions), "b": (IMAGES[:1], captions)}
    evaluation.plot_disagreements([[90, 6], [3, 1]], ["CNN", "MLP"], groups, tmp_path / "d.png", "title")
    table, *walls = drawn[0].axes
    assert texts(table)[::2] == ["90", "6", "3", "1"]
    assert texts(table)[1::2] == ["both correct", "only the CNN\ncorrect", "only the MLP\ncorrect", "both wrong"]
    assert (table.get_ylabel(), table.get_xlabel()) == ("CNN", "MLP")
    assert [(axes.get_title(), len(axes.images)) for axes in walls] == [("a", 12), ("b", 1)]


@pytest.mark.parametrize("count", [1, 2, 11])
def test_a_prediction_shows_each_digit_and_its_probabilities(drawn, tmp_path, count):
    probabilities = np.full((count, 10), 0.01)
    probabilities[:, 3] = 0.9199
    boxes = np.array([[0, 0, 10, 20]] * count)
    photo = np.zeros((40, 60, 3), np.uint8)
    images = IMAGES[:count].reshape(count, 28, 28)
    dropped = np.array([[30, 0, 35, 9]])
    digits = handwriting.Digits(boxes, images, np.zeros(count, bool), dropped)
    doubts = ["low confidence"] + [""] * (count - 1)
    evaluation.plot_prediction(photo, digits, probabilities, doubts, tmp_path / "p.png", "37")
    whole, found = drawn[0].axes
    numbers = [f"{number}" for number in range(1, count + 1)] if count > 1 else []
    assert [line.get_linestyle() for line in whole.lines] == [":", "--"] + ["-"] * (count - 1)
    assert texts(whole) == numbers
    assert len(found.images) == count and texts(found).count("3  91.9%") == count - 1
    assert texts(found).count("3?  91.9%") == 1
    heights = [-2 * bar.get_height() for bar in found.patches]
    assert heights == pytest.approx(probabilities.ravel())
    corners = {tuple(shown.get_extent()) for shown in found.images}
    assert len(corners) == count  # none hides another


def test_samples_are_ten_of_each_digit(drawn, tmp_path):
    x, labels = np.repeat(np.arange(10) / 10, 784 * 12).reshape(-1, 784), np.repeat(np.arange(10), 12)
    evaluation.plot_samples(x, labels, tmp_path / "s.png", "title")
    wall = drawn[0].axes[0].images[0].get_array()
    assert [wall[30 * digit + 15, 15] for digit in range(10)] == pytest.approx(np.arange(10) / 10)


def test_feature_maps(drawn, tmp_path):
    activations = [("convolution", RNG.random((28, 28, 16))), ("max pooling", RNG.random((14, 14, 16)))]
    activations += [("flatten", RNG.random(1764)), ("hidden layer", RNG.random(128))]
    probabilities = np.array([0.001, 0, 0.1, 0.86, 0, 0.03, 0.004, 0.005, 0, 0])
    layers.plot_feature_maps(IMAGES[0], activations, probabilities, 3, tmp_path / "f.png", "title")
    *panels, output = drawn[0].axes
    assert [axes.get_title() for axes in panels] == [
        "input\n1 image, 28x28",
        "convolution\n16 maps, 28x28",
        "max pooling\n16 maps, 14x14",
        "flatten\n1764 values",
        "hidden layer\n128 units",
    ]
    for axes, (_, values) in zip(panels[3:], activations[2:]):
        np.testing.assert_array_equal(axes.images[0].get_array()[:, 0], values)  # a strip
    assert len(drawn[0].artists) == 5  # arrows
    assert [bar.get_width() for bar in output.patches] == probabilities.tolist()
    assert texts(output) == ["86.0%", "10.0%", "3.0%"]


def test_tiles_worked_by_hand():
    maps = np.stack([np.full((1, 2), value) for value in (1.0, 2.0, 3.0)], axis=2)
    nan = np.nan
    expected = [[nan] * 7, [nan, 1, 1, nan, 2, 2, nan], [nan] * 7, [nan, 3, 3, nan, nan, nan, nan], [nan] * 7]
    np.testing.assert_array_equal(layers.tile_maps(maps), expected)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_filters(drawn, tmp_path, width):
    kernel = RNG.normal(size=(width, width, 1, 16))
    assert is_png(layers.plot_filters(kernel, tmp_path / "f.png", "title"))
    axes, bar = drawn[0].axes
    assert len(axes.images) == 16 and bar.get_ylabel() == "weight"
    for number, image in enumerate(axes.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, :, 0, number])
        assert image.norm.vmin == -image.norm.vmax == -np.abs(kernel).max()
        assert image.cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)  # 0 is white


def test_the_colours_of_weights_differ_in_print_in_grey_too():
    negative, zero, positive = style.diverging_colors()([0.0, 0.5, 1.0])[:, :3] @ [0.299, 0.587, 0.114]
    assert zero > 0.95 and negative < 0.3 < positive - 0.1


@pytest.mark.parametrize("hidden", [1, 24, 256])
def test_hidden_units_are_the_strongest(drawn, tmp_path, hidden):
    kernel, outgoing = RNG.normal(size=(784, hidden)), np.zeros((hidden, 10))
    outgoing[:, 4] = 1
    outgoing[-1, 7] = 100  # the last is the strongest, and for a 7
    layers.plot_hidden_units(kernel, outgoing, tmp_path / "h.png", "title")
    axes = drawn[0].axes[0]
    assert texts(axes) == ["supports 7", *["supports 4"] * (min(hidden, 24) - 1)]
    np.testing.assert_array_equal(axes.images[0].get_array(), kernel[:, -1].reshape(28, 28))


def test_a_convolution_shows_every_step(drawn, tmp_path):
    image, kernel, output = np.arange(9.0).reshape(3, 3), np.eye(3), np.arange(1.0, 10).reshape(3, 3)
    worked_examples.plot_convolution(image, kernel, output, tmp_path / "c.png")
    equation, *steps = drawn[0].axes
    assert texts(equation) == [
        *(f"{value:g}" for value in range(9)), "image", "*",
        *("1", "0", "0", "0", "1", "0", "0", "0", "1"), "filter", "=",
        *(f"{value:g}" for value in range(1, 10)), "output",
    ]  # fmt: skip
    assert steps[0].get_title() == "0·1 + 0·1 + 4·1 = 1"
    for number, axes in enumerate(steps, start=1):
        filled = texts(axes)[texts(axes).index("→") + 1 :]
        assert filled == [f"{value}" for value in range(1, number + 1)]
        assert [text.get_text() for text in axes.texts if text.get_fontweight() == "bold"][-1] == f"{number}"


def test_max_pooling_has_one_colour_for_a_square_and_its_output(drawn, tmp_path):
    worked_examples.plot_max_pooling(np.arange(16.0).reshape(4, 4), np.array([[5.0, 7], [13, 15]]), tmp_path / "m.png")
    (axes,) = drawn[0].axes
    assert [text for text in texts(axes) if text.startswith("max")] == [
        "max(0, 1, 4, 5) = 5",
        "max(2, 3, 6, 7) = 7",
        "max(8, 9, 12, 13) = 13",
        "max(10, 11, 14, 15) = 15",
    ]
    colors = np.array([patch.get_facecolor() for patch in axes.patches])
    before, after = colors[:16].reshape(4, 4, 4), colors[16:].reshape(2, 2, 4)
    np.testing.assert_array_equal(before, after.repeat(2, axis=0).repeat(2, axis=1))
    assert len(np.unique(after.reshape(4, 4), axis=0)) == 4


def test_seeds_are_dots_and_the_deck_is_a_diamond(drawn, tmp_path):
    values = {"MLP": [0.97, 0.98, 0.99], "CNN": [0.992]}
    study_figures.plot_seeds(values, tmp_path / "s.png", "title", "test accuracy", {"CNN": 0.9902})
    axes, margin = drawn[0].axes
    lines = {marker: [list(line.get_xdata()) for line in axes.lines if line.get_marker() == marker] for marker in "o|D"}
    assert lines == {"o": [*values.values()], "|": [[pytest.approx(0.98)], [0.992]], "D": [[0.9902]]}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["MLP", "CNN"]
    assert texts(margin) == ["3", "0.9800", "0.0100", "1", "0.9920", "-", "n", "mean", "sd"]
    assert (drawn[0].get_suptitle(), axes.get_xlabel()) == ("title", "test accuracy")
    assert legend(drawn[0]) == ["a seed", "mean", "the deck"]


def test_claims_are_a_forest_plot(drawn, tmp_path):
    holds = claims.judge_difference("13", "more units overfit more", "gap", pd.Series([0.019, 0.02, 0.021]))
    fails = claims.judge_difference("14-17", "Dropout helps", "test accuracy", pd.Series([-0.01, -0.011, -0.012]))
    study_figures.plot_claims({"gap": [holds], "test accuracy": [fails, holds]}, tmp_path / "c.png", "title")
    first, margin, second, _ = drawn[0].axes
    assert first.get_title(loc="left") == "Difference in gap"
    assert second.get_title(loc="left") == "Difference in test accuracy"
    assert [label.get_text() for label in second.get_yticklabels()] == [
        "Dropout helps (slides 14-17)",
        "more units overfit more (slide 13)",
    ]
    for axes in (first, second):
        assert axes.lines[0].get_xdata() == [0, 0]  # the line at 0
    _, interval, mean = first.lines
    assert list(interval.get_xdata()) == [holds.low, holds.high] and list(mean.get_xdata()) == [holds.mean]
    assert texts(margin)[:3] == ["3", "0.0200", f"{holds.low:.4f} to {holds.high:.4f}"]
    assert second.lines[1].get_color() == style.ORANGE != mean.get_color()


def test_a_claim_of_one_seed_has_no_interval(drawn, tmp_path):
    claim = claims.judge_difference("13", "more units overfit more", "gap", pd.Series([0.02]))
    study_figures.plot_claims({"gap": [claim]}, tmp_path / "c.png", "title")
    _, margin = drawn[0].axes
    assert texts(margin)[:3] == ["1", "0.0200", "-"]


def has_grid(axes):
    return all(line.get_visible() for line in [*axes.get_xgridlines(), *axes.get_ygridlines()])


def test_sizes_show_the_mean_and_the_range_of_the_seeds(drawn, tmp_path):
    gaps = {3000: [0.05, 0.07], 48000: [0.01, 0.02]}
    accuracies = {3000: [0.92, 0.94], 48000: [0.98, 0.98]}
    study_figures.plot_sizes(gaps, accuracies, tmp_path / "s.png", "title")
    left, right = drawn[0].axes
    assert curves(left)["mean of the seeds"][1] == pytest.approx([0.06, 0.015])
    assert curves(right)["mean of the seeds"][1] == pytest.approx([0.93, 0.98])
    assert left.collections[0].get_datalim(left.transData).intervaly.tolist() == [0.01, 0.07]
    assert [label.get_text() for label in left.get_xticklabels()] == ["3000", "48000"]
    assert (left.get_title(), right.get_title()) == ("training minus validation accuracy", "test accuracy")
    assert has_grid(left) and has_grid(right) and legend(drawn[0]) == ["lowest to highest", "mean of the seeds"]


def test_percentages_are_rounded_down():
    assert [style.format_percent(share) for share in (0.99996, 0.509, np.nan)] == ["99.9%", "50.9%", "-"]
    assert style.format_percent(np.float32(1 - 1e-7)) == "99.9%"
    assert [style.format_percent(n / 10000, 2) for n in range(10001)] == [f"{n / 100:.2f}%" for n in range(10001)]


def test_a_figure_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "f.png"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), style.figure(path, (3, 3)):
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_white_around_a_figure_is_cropped(tmp_path):
    for place in ((0.25, 0.5), (0, 0)):
        with style.figure(tmp_path / "patch.png", (4, 2)) as fig:
            fig.patches.append(Rectangle(place, 1 / 3, 1 / 3, transform=fig.transFigure, color="k", linewidth=0))
        image = Image.open(tmp_path / "patch.png")
        assert image.size == (200 + 2 * style.MARGIN, 100 + 2 * style.MARGIN)
        assert image.getpixel((style.MARGIN, style.MARGIN)) == (0, 0, 0) != image.getpixel((0, 0))
        assert round(image.info["dpi"][0]) == 150


def test_the_style_does_not_leak(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    with style.figure(tmp_path / "f.png", (3, 3)):
        assert not matplotlib.rcParams["axes.spines.top"]
    assert dict(matplotlib.rcParams) == before

"""What is in the figures: curves, labels, titles, the numbers in the cells."""

import numpy as np
import pandas as pd
import pytest

from digits.figures import evaluation, layers, style, training, worked_examples
from study import figures as study_figures

RNG = np.random.default_rng(0)
IMAGES = RNG.random((30, 784), np.float32)
HISTORY = pd.DataFrame(
    {"accuracy": [0.9, 0.99], "loss": [0.5, 0.1], "val_accuracy": [0.95, 0.96], "val_loss": [0.3, 0.2]}
)


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, as matplotlib Figures; they are written too."""
    from matplotlib.figure import Figure

    figures, savefig = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda fig, *args, **more: (figures.append(fig), savefig(fig, *args, **more))
    )
    return figures


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def curves(axes):
    return {line.get_label(): line.get_ydata().tolist() for line in axes.lines}


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def test_learning_curve(drawn, tmp_path):
    path = training.plot_learning_curve(HISTORY, tmp_path / "a.png", "cnn")
    accuracy, loss = drawn[0].axes
    assert is_png(path) and drawn[0].get_suptitle() == "cnn"
    assert curves(accuracy) == {
        "training: 0.9900 at the end": [0.9, 0.99],
        "validation: 0.9600 at the end": [0.95, 0.96],
    }
    assert list(curves(loss).values()) == [[0.5, 0.1], [0.3, 0.2]]
    assert "gap" in [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert "+0.0300" in drawn[0].get_supxlabel() and "dropout" in drawn[0].get_supxlabel()


def test_learning_curve_without_validation(drawn, tmp_path):
    training.plot_learning_curve(HISTORY[["accuracy", "loss"]], tmp_path / "a.png", "cnn")
    assert [len(axes.lines) for axes in drawn[0].axes] == [1, 1] and not drawn[0].get_supxlabel()


def test_learning_curves_stand_side_by_side(drawn, tmp_path):
    training.plot_learning_curves(
        {"one": HISTORY, "two": HISTORY, "three": HISTORY[["accuracy", "loss"]]}, tmp_path / "a.png"
    )
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == ["one\ngap at the end: +0.0300", "two\ngap at the end: +0.0300", "three"]
    assert len({axes.get_ylim() for axes in drawn[0].axes}) == 1
    assert curves(drawn[0].axes[1]) == {"training": [0.9, 0.99], "validation": [0.95, 0.96]}


def test_confusion_matrix(drawn, tmp_path):
    matrix = np.arange(100).reshape(10, 10)
    recall = np.array([0.98765, np.nan, *[0.5] * 8])
    evaluation.plot_confusion_matrix(matrix, recall, np.full(10, 0.25), tmp_path / "m.png", "cnn")
    axes = drawn[0].axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert all(cells[column, row] == str(10 * row + column) for row in range(10) for column in range(10))
    assert texts(axes).count("98.7%") == 1 and texts(axes).count("-") == 1 and texts(axes).count("25.0%") == 10
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true label", "predicted label")


@pytest.mark.parametrize("count", [0, 1, 20])
def test_images_have_their_captions(drawn, tmp_path, count):
    captions = [f"caption {i}" for i in range(count)]
    evaluation.plot_images(IMAGES[:count], captions, tmp_path / "i.png", "title", 10, highlighted=[0])
    shown = [axes for axes in drawn[0].axes if axes.images]
    assert [texts(axes) for axes in shown] == [[caption] for caption in captions]
    for axes, image in zip(shown, IMAGES):
        np.testing.assert_array_equal(axes.images[0].get_array(), image.reshape(28, 28))
    assert [axes.texts[0].get_color() == style.ORANGE for axes in shown] == [i == 0 for i in range(count)]


def test_disagreements_are_in_groups(drawn, tmp_path):
    captions = [f"{i}" for i in range(30)]
    evaluation.plot_disagreements({"a": (IMAGES, captions), "b": (IMAGES[:1], captions)}, tmp_path / "d.png", "title")
    assert [part.get_suptitle() for part in drawn[0].subfigs] == ["a", "b"]
    assert [sum(len(axes.images) for axes in part.axes) for part in drawn[0].subfigs] == [20, 1]


def test_a_prediction_shows_each_digit_and_its_probabilities(drawn, tmp_path):
    probabilities = np.full((2, 10), 0.01)
    probabilities[[0, 1], [3, 7]] = 0.9199
    boxes = np.array([[0, 0, 10, 20], [20, 0, 30, 20]])
    photo = np.zeros((40, 60, 3), np.uint8)
    evaluation.plot_prediction(photo, boxes, IMAGES[:2].reshape(2, 28, 28), probabilities, tmp_path / "p.png", "37")
    whole, first, bars, second, _ = drawn[0].axes
    assert len(whole.lines) == 2 and texts(whole) == ["1", "2"]
    assert (first.get_ylabel(), second.get_ylabel()) == ("1", "2")
    assert [bar.get_height() for bar in bars.patches] == probabilities[0].tolist() and texts(bars) == ["91.9%"]


def test_samples_are_ten_of_each_digit(drawn, tmp_path):
    x, labels = np.repeat(np.arange(10) / 10, 784 * 12).reshape(-1, 784), np.repeat(np.arange(10), 12)
    evaluation.plot_samples(x, labels, tmp_path / "s.png", "title")
    wall = drawn[0].axes[0].images[0].get_array()
    assert [wall[30 * digit + 15, 15] for digit in range(10)] == pytest.approx(np.arange(10) / 10)


def test_feature_maps(drawn, tmp_path):
    activations = [("convolution", RNG.random((28, 28, 16))), ("max pooling", RNG.random((14, 14, 16)))]
    activations += [("flattened", RNG.random(1764)), ("hidden units", RNG.random(128))]
    probabilities = np.eye(10)[3]
    layers.plot_feature_maps(IMAGES[0], activations, probabilities, 3, tmp_path / "f.png", "title")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles[1:3] == ["convolution\n16 maps, 28x28", "max pooling\n16 maps, 14x14"]
    assert titles[3:5] == ["flattened: 1764 numbers", "hidden units: 128 numbers"]
    assert "100.0%" in texts(drawn[0].axes[-1])


def test_tiles_worked_by_hand():
    maps = np.stack([np.full((1, 2), value) for value in (1.0, 2.0, 3.0)], axis=2)
    nan = np.nan
    expected = [[nan] * 7, [nan, 1, 1, nan, 2, 2, nan], [nan] * 7, [nan, 3, 3, nan, nan, nan, nan], [nan] * 7]
    np.testing.assert_array_equal(layers.tile_maps(maps), expected)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_filters(drawn, tmp_path, width):
    kernels = [RNG.normal(size=(width, width, 1, 16)), RNG.normal(size=(width, width, 16, 36))]
    layers.plot_filters(kernels, tmp_path / "f.png", "title")
    first, second = drawn[0].axes
    assert f"16 filters {width}x{width}" in first.get_title() and "the 16 maps" in second.get_title()
    wall = first.images[0].get_array()
    np.testing.assert_array_equal(wall[1 : width + 1, 1 : width + 1], kernels[0][:, :, 0, 0])
    wall = second.images[0].get_array()  # row 2: what each filter applies to the third map; column 5: the sixth filter
    row, column = 2 * (width + 1) + 1, 5 * (width + 1) + 1
    np.testing.assert_array_equal(wall[row : row + width, column : column + width], kernels[1][:, :, 2, 5])


@pytest.mark.parametrize("hidden", [1, 40, 256])
def test_hidden_units_are_the_strongest(drawn, tmp_path, hidden):
    kernel, outgoing = RNG.normal(size=(784, hidden)), np.zeros((hidden, 10))
    outgoing[:, 4] = 1
    outgoing[-1, 7] = 100  # the last is the strongest, and for a 7
    layers.plot_hidden_units(kernel, outgoing, tmp_path / "h.png", "title")
    assert len(drawn[0].axes) == min(hidden, 40)
    assert drawn[0].axes[0].get_xlabel() == "for 7"
    np.testing.assert_array_equal(drawn[0].axes[0].images[0].get_array(), kernel[:, -1].reshape(28, 28))


def test_worked_examples_show_every_step(drawn, tmp_path):
    image, kernel = np.arange(9.0).reshape(3, 3), np.eye(3)
    worked_examples.plot_convolution(image, kernel, np.full((3, 3), 5.0), tmp_path / "c.png")
    assert texts(drawn[0].axes[0]) == [f"{value:g}" for value in range(9)]
    assert drawn[0].axes[3].get_title() == "1: 0·1 + 0·1 + 4·1 = 5"
    worked_examples.plot_max_pooling(np.arange(16.0).reshape(4, 4), np.array([[5.0, 7], [13, 15]]), tmp_path / "m.png")
    assert texts(drawn[1].axes[1]) == ["5", "7", "13", "15"]
    assert drawn[1].axes[2].get_title() == "1: max(0, 1, 4, 5) = 5"


def test_seeds_are_dots_and_the_deck_is_a_diamond(drawn, tmp_path):
    values = {"mlp": [0.97, 0.98, 0.99], "cnn": [0.99, 0.992]}
    study_figures.plot_seeds(values, tmp_path / "s.png", "title", "test accuracy", {"cnn": 0.9902})
    axes = drawn[0].axes[0]
    lines = {marker: [list(line.get_xdata()) for line in axes.lines if line.get_marker() == marker] for marker in "oD"}
    assert lines == {"o": [*values.values(), []], "D": [[0.9902], []]}  # the last of each stands for the legend
    assert [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "None"] == [
        [pytest.approx(np.mean(numbers))] * 2 for numbers in values.values()
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["mlp", "cnn"]
    assert (axes.get_title(), axes.get_xlabel()) == ("title", "test accuracy")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a seed", "mean of the seeds", "the deck"]


def has_grid(axes):
    return all(line.get_visible() for line in [*axes.get_xgridlines(), *axes.get_ygridlines()])


def test_sizes_show_the_mean_and_the_range_of_the_seeds(drawn, tmp_path):
    gaps = {3000: [0.05, 0.07], 48000: [0.01, 0.02]}
    accuracies = {3000: [0.92, 0.94], 48000: [0.98, 0.98]}
    study_figures.plot_sizes(gaps, accuracies, tmp_path / "s.png", "title")
    left, right = drawn[0].axes
    assert curves(left) == {"mean of the seeds": pytest.approx([0.06, 0.015])}
    assert curves(right) == {"mean of the seeds": pytest.approx([0.93, 0.98])}
    assert left.collections[0].get_datalim(left.transData).intervaly.tolist() == [0.01, 0.07]
    assert [label.get_text() for label in left.get_xticklabels()] == ["3000", "48000"]
    assert (left.get_title(), right.get_title()) == ("training minus validation accuracy", "test accuracy")
    assert has_grid(left) and has_grid(right)


def test_mean_curves(drawn, tmp_path):
    training_curves = {name: np.array([[0.95, 0.98], [0.97, 1.0]]) for name in ("mlp", "mlp_dropout", "cnn")}
    validation_curves = {name: values - 0.01 for name, values in training_curves.items()}
    study_figures.plot_mean_curves(training_curves, validation_curves, tmp_path / "m.png", "title")
    assert [axes.get_title() for axes in drawn[0].axes] == [f"{name} (2 seeds)" for name in training_curves]
    for axes in drawn[0].axes:
        assert curves(axes) == {"training": pytest.approx([0.96, 0.99]), "validation": pytest.approx([0.95, 0.98])}
        bands = [band.get_datalim(axes.transData).intervaly.tolist() for band in axes.collections]
        assert bands == [pytest.approx([0.95, 1.0]), pytest.approx([0.94, 0.99])]
        assert has_grid(axes)
    assert (drawn[0].get_supxlabel(), drawn[0].get_supylabel()) == ("epoch", "accuracy")


def test_percentages_are_rounded_down():
    assert [style.format_percent(share) for share in (0.99996, 0.509, np.nan)] == ["99.9%", "50.9%", "-"]


def test_a_figure_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "f.png"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), style.figure(path, (3, 3)):
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_the_style_does_not_leak(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    with style.figure(tmp_path / "f.png", (3, 3)):
        assert not matplotlib.rcParams["axes.spines.top"]
    assert dict(matplotlib.rcParams) == before

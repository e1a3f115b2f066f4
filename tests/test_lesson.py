"""The lesson is there to be edited, copied and pasted: whatever was trained is saved, and says what it can be asked."""

import functools
import shutil
import subprocess
import textwrap

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import mlp
from conftest import FAST, HOME, ROOT, RUN, environment, error_line, read_metrics, run_script, succeed
from digits import networks, report, runs
from digits.figures import runs as figures

SCRIPT = (ROOT / "mlp.py").read_text(encoding="utf-8")


def cut(first, last):
    return SCRIPT[SCRIPT.index(first) : SCRIPT.index(last)]


DATA = "    (x_train, y_train), (x_test, y_test) = load_data()\n"
INPUT = "keras.Input((784,)),"
HIDDEN = '            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),\n'
SOFTMAX = 'layers.Dense(10, activation="softmax", '
BUILDER = cut("    return keras.Sequential(", "\n\ndef main")
LOSS = 'loss="categorical_crossentropy"'
METRICS = 'metrics=["accuracy"],'
ADAM = "keras.optimizers.Adam(learning_rate)"
FIT = cut("    history = model.fit(", "    run = runs.save(")
SAVE = "runs.save(run, model, history)"
EVALUATE = "    model.evaluate(x_test, y_test, batch_size=batch_size, verbose=2)\n"
LABELS = "    labels, predictions = y_test.argmax(axis=1), probabilities.argmax(axis=1)\n"
CROSSTAB = cut("    print(pd.crosstab(", "\n    report.show")
IMAGES = DATA + "    x_train, x_test = (x.reshape(-1, 28, 28, 1) for x in (x_train, x_test))\n"
FUNCTIONAL = """    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
"""
OWN_CLASS = """class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.units = layers.Dense(10, activation="softmax")

    def call(self, pixels):
        return self.units(pixels)


def build_model"""
NO_CONFIG = OWN_CLASS.replace(
    "    def call", '    def get_config(self):\n        return {"f": object()}\n\n    def call'
)
REGISTERED = """@keras.saving.register_keras_serializable()
class Scale(layers.Layer):
    def call(self, x):
        return 2 * x


def build_model"""
BATCHES = """    for start in range(0, len(x_train), 100):
        model.train_on_batch(x_train[start : start + 100], y_train[start : start + 100])
"""
TAPE = """    import tensorflow as tf

    history = {"loss": [], "accuracy": [0.5, 0.6]}
    for epoch in range(3):
        with tf.GradientTape() as tape:
            loss = keras.losses.categorical_crossentropy(y_train, model(x_train)).numpy().mean()
            error = tf.reduce_mean(keras.losses.categorical_crossentropy(y_train, model(x_train)))
        model.optimizer.apply(tape.gradient(error, model.trainable_variables), model.trainable_variables)
        history["loss"].append(error)
"""
SCHEDULE = "keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9))"
AUGMENTATION = "keras.Input((28, 28, 1)), layers.Rescaling(2, -1), layers.RandomRotation(0.2), layers.Flatten(),"
FIVES = DATA + "    y_train, y_test = (y[:, 5:6] for y in (y_train, y_test))\n"
SCALED = DATA + "    x_train, x_test = ((x - x_train.mean()) / x_train.std() for x in (x_train, x_test))\n"
LARGE = """    frame = (0, 0), (2, 2), (2, 2), (0, 0)
    x_train, x_test = (np.pad(x.reshape(-1, 28, 28, 1), frame).repeat(3, 3) for x in (x_train, x_test))
"""
NUMPY = {"import pandas as pd\n": "import numpy as np\nimport pandas as pd\n"}
OWN_ARRAYS = """    with np.load(preprocess.mnist.PATH) as file:
        x_train, x_test = (file[name].reshape(-1, 784) / 255 for name in ("x_train", "x_test"))
        y_train, y_test = (keras.utils.to_categorical(file[name]) for name in ("y_train", "y_test"))
    x_train, y_train = x_train[:2000], y_train[:2000]
"""

# What is replaced in mlp.py, and by what. Each is an edit that a student makes, or several at once.
EDITS = {
    "another loss, optimizer and metric's name, and two hidden layers": {
        LOSS: 'loss="mse"',
        ADAM: "keras.optimizers.SGD(learning_rate)",
        METRICS: 'metrics=["acc"],',
        HIDDEN: "            layers.Dropout(0.1),\n" + 2 * HIDDEN,
    },
    "no Input, and a metric of each digit": {
        f"            {INPUT}\n": "",
        METRICS: 'metrics=["accuracy", keras.metrics.F1Score()],',
    },
    "plain Keras, class weights, and scores is a list": {
        "    training.accelerate(model)": "    #",
        "=epochs,\n": "=epochs,\n        class_weight=dict(enumerate(range(1, 11))),\n",
        EVALUATE: "    scores = model.evaluate(x_test, y_test)\n    print(scores[1])\n",
    },
    "its own arrays, no metric and a schedule": {
        DATA: OWN_ARRAYS,
        "from preprocess": "import preprocess\nfrom preprocess",
        METRICS: "",
        ADAM: SCHEDULE,
    }
    | NUMPY,
    "an LSTM": {HIDDEN: "            layers.Reshape((28, 28)),\n            layers.LSTM(8),\n"},
    "functional, on images": {BUILDER: FUNCTIONAL, DATA: IMAGES},
    "images, digits and logits": {
        DATA: IMAGES + "    y_train, y_test = (y.argmax(axis=1) for y in (y_train, y_test))\n",
        INPUT: "keras.Input((28, 28, 1)), layers.Flatten(),",
        SOFTMAX: "layers.Dense(10, ",
        LOSS: "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        LABELS: LABELS.replace("y_test.argmax(axis=1)", "y_test"),
    },
    "tf.nn": {
        "import pandas as pd\n": "import pandas as pd\nimport tensorflow as tf\n",
        'activation="relu"': "activation=tf.nn.relu",
        'activation="softmax"': "activation=tf.nn.softmax",
    },
    "augmentation and a first layer that rescales": {DATA: IMAGES, INPUT: AUGMENTATION},
    "train_on_batch": {FIT: BATCHES, SAVE: "runs.save(run, model)", "model, history": "model, None"},
    "GradientTape": {FIT: TAPE},
    "other pixels": {DATA: SCALED},
    "is it a 5?": {
        DATA: FIVES,
        SOFTMAX: 'layers.Dense(1, activation="sigmoid", ',
        LOSS: 'loss="binary_crossentropy"',
        CROSSTAB: "",
        LABELS: "",
    },
    "32x32 and three channels": {
        DATA: DATA + LARGE,
        INPUT: 'keras.Input((32, 32, 3)), layers.Conv2D(4, 3, padding="same"), layers.Flatten(),',
    }
    | NUMPY,
    "other test images": {DATA: DATA + "    x_test, y_test = x_test[5000:], y_test[5000:]\n"},
    "labels that do not belong": {LABELS: LABELS + "    y_test = y_test[5000:]\n"},
    "a class": {BUILDER: "    return Net()\n", "def build_model": OWN_CLASS},
    "a class that Keras cannot save": {BUILDER: "    return Net()\n", "def build_model": NO_CONFIG},
    "a registered layer": {HIDDEN: f"            Scale(),\n{HIDDEN}", "def build_model": REGISTERED},
    "a Lambda": {HIDDEN: f"            layers.Lambda(lambda x: x / 2),\n{HIDDEN}"},
}
KINDS = {  # what a run is, where it is not standard
    "other pixels": ["other pixels"],
    "other images": ["32x32 and three channels", "other test images"],
    "another task": ["is it a 5?", "labels that do not belong"],
    "not loadable": ["a class", "a class that Keras cannot save", "a registered layer", "a Lambda"],
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
# Of the standard ones, those whose inputs, outputs or layers have another form.
FORMS = ["functional, on images", "images, digits and logits", "tf.nn", "GradientTape"]
MLP = {"network", "accuracy", "confusion_matrix", "predictions", "mistakes"}
NO_NETWORK = MLP - {"network"}
DRAWN = {  # the figures, where they are not those of an MLP
    **dict.fromkeys(["an LSTM", *KINDS["not loadable"]], NO_NETWORK),
    **dict.fromkeys(["is it a 5?", "other test images"], MLP - {"predictions", "mistakes"}),
    "augmentation and a first layer that rescales": NO_NETWORK,
    "functional, on images": MLP | {"feature_maps", "filters"},
    "train_on_batch": MLP - {"accuracy"},
    "labels that do not belong": {"accuracy"},
}
NO_PAGE = {*KIND_OF, *DRAWN, "images, digits and logits"} - {"train_on_batch"}


def edit(folder, replacements, name="mlp.py"):
    """Write an edited mlp.py into `folder`, as a script of the name `name`."""
    script = SCRIPT
    for old, new in replacements.items():
        assert old in script, old
        script = script.replace(old, new)
    (folder / name).write_text(script, encoding="utf-8")


@pytest.fixture(scope="module")
def train_edited(tmp_path_factory, tensorflow):
    """A function that trains one of EDITS, once; it returns the folder, the name of the run, and the process."""

    @functools.cache
    def train_edited(name):
        folder = tmp_path_factory.mktemp("edited")
        edit(folder, EDITS[name], "my_mlp.py")
        return folder, f"my_{RUN}", run_script(folder, "my_mlp.py", *FAST)

    return train_edited


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_copy_is_saved_says_what_it_is_and_draws_what_it_can(train_edited, name):
    folder, run, process = train_edited(name)
    kind = KIND_OF.get(name, "standard")
    assert process.returncode == 0, process.stderr
    assert f"models/{run}/ (" in process.stdout.replace("\\", "/")
    metrics = read_metrics(folder, run)
    assert metrics["check"].startswith(kind) and metrics["deck_model"] is False
    assert [other for other in KINDS if f"{other}:" in process.stderr] == [kind] * (name in KIND_OF)
    assert "The deck (slide" not in process.stdout and "Judging by" not in process.stdout
    figures = {path.stem for path in (folder / "plots" / run).glob("*.png")}
    assert figures == DRAWN.get(name, MLP), process.stderr
    assert (folder / "plots" / run / "draw.html").exists() == (name not in NO_PAGE)
    assert all(len(line) <= 250 for line in process.stderr.splitlines())


@pytest.mark.parametrize("name", [*KIND_OF, *FORMS])
def test_evaluated_again_no_number_is_another_and_no_figure_is_lost(train_edited, name):
    folder, run, _ = train_edited(name)
    metrics, figures = read_metrics(folder, run), set((folder / "plots" / run).iterdir())
    process = run_script(folder, "evaluate.py", f"models/{run}/")  # a path names a run, too
    assert process.returncode == 0, process.stderr
    assert ("Not evaluated again" in process.stdout) == (name in KIND_OF)
    assert read_metrics(folder, run) == metrics
    assert set((folder / "plots" / run).iterdir()) == figures


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_asked_about_our_images_is_not_used_by_predict(train_edited, kind):
    folder, run, _ = train_edited(KINDS[kind][0])
    shutil.copy(ROOT / "plots/gallery/predictions/photograph.png", folder / "4.png")
    line = error_line(run_script(folder, "predict.py", "4.png", "--model", run), 1)
    assert f"{run} is not used: {kind}" in line


def test_histories_that_surprise(tmp_path, monkeypatch, tensorflow):
    titles = []
    monkeypatch.setattr(figures, "FIGURES", {"accuracy": figures.plot_curves})
    monkeypatch.setattr(
        figures.curves, "plot_learning_curve", lambda *arguments: titles.append(arguments[-1]) or arguments[-2]
    )
    stop = "keras.callbacks.EarlyStopping(min_delta=9, patience=0)"
    for name, arguments in {
        "stopped": f"callbacks=[{stop}], epochs=5",
        "rarely": "validation_freq=2, epochs=5",
        "later": "initial_epoch=2, epochs=4",
    }.items():
        edit(tmp_path, {"epochs=epochs": arguments}, f"{name}.py")
        assert run_script(tmp_path, f"{name}.py", *FAST).returncode == 0
    stopped, rarely, later = (
        pd.read_csv(tmp_path / f"models/{name}_256_dryrun/history.csv", index_col="epoch")
        for name in ("stopped", "rarely", "later")
    )
    assert titles[0].endswith(", stopped after epoch 2 of 5") and not any("stopped" in title for title in titles[1:])
    assert list(stopped.index) == [0, 1] and list(later.index) == [2, 3]
    assert list(rarely["val_accuracy"].notna()) == [False, True, False, True, False]
    assert read_metrics(tmp_path, "rarely_256_dryrun")["validation_accuracy"] == rarely["val_accuracy"][3]
    assert read_metrics(tmp_path, "later_256_dryrun")["steps"] == 8


def test_another_models_history_is_said_and_is_not_the_decks(tmp_path, tensorflow, without_figures):
    edit(tmp_path, {SAVE: "runs.save(run, build_model(hidden), history)"})
    process = run_script(tmp_path, "mlp.py", *FAST)
    assert process.returncode == 0 and "those of another model" in process.stderr
    assert read_metrics(tmp_path, RUN)["deck_model"] is False


def test_what_a_script_trains_in_a_loop_is_saved_one_by_one(tmp_path, without_figures):
    start = SCRIPT.index('    print("\\n2. Build')
    steps = SCRIPT[start : SCRIPT.index("    return model, history")]
    edit(tmp_path, {steps: "    for hidden in (4, 5, 6):\n" + textwrap.indent(steps, "    ")})
    succeed(run_script(tmp_path, "mlp.py", *FAST))
    names = [f"{RUN}{number}" for number in ("", "_run2", "_run3")]
    parameters = [read_metrics(tmp_path, name)["parameters"] for name in names]
    assert parameters == [785 * hidden + 10 * (hidden + 1) for hidden in (4, 5, 6)]


def test_a_network_that_was_not_trained_is_no_run(tmp_path):
    edit(tmp_path, {"epochs=epochs": "epochs=0"})
    assert "the network was not trained" in error_line(run_script(tmp_path, "mlp.py", *FAST), 1)
    assert not list(tmp_path.glob("models/*"))


def test_a_mistake_after_the_training_keeps_its_traceback_and_the_model(tmp_path, without_figures):
    edit(tmp_path, {"model.predict(": "model.predictt("})
    with pytest.raises(AttributeError):
        run_script(tmp_path, "mlp.py", *FAST)
    assert read_metrics(tmp_path, RUN)["check"] == "unchecked"
    evaluation = run_script(tmp_path, "evaluate.py")
    assert "was never checked" in error_line(evaluation, 0) and read_metrics(tmp_path, RUN)["test_accuracy"] > 0.5


def test_a_figure_that_fails_costs_itself_and_its_traceback_comes_last(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "FIGURES", {"mistakes": lambda *run: 1 / 0, "accuracy": figures.plot_curves})
    stdout = []
    monkeypatch.setattr(report, "print_summary", lambda run, paths: stdout.extend(path.stem for path in paths))
    with pytest.raises(ZeroDivisionError):
        run_script(tmp_path, "mlp.py", *FAST)
    assert stdout == ["accuracy"] and (tmp_path / "plots/index.html").exists()


SMALL = """from digits import mnist

arrays = {name: array[:2000] for name, array in mnist.load_arrays().items()}
mnist.load_arrays = lambda: arrays"""
CALL = """import mlp

mlp.main("mine", hidden=8, epochs=1)"""
NUMBERS = """run, hidden, epochs = "five_steps", 8, 1
batch_size, validation_split, learning_rate, seed = 200, 0.2, 0.001, 5"""


def test_in_a_notebook_the_script_its_main_and_its_steps_one_by_one(clone):
    steps = textwrap.dedent(cut('    print("\\n1. Preprocess', "    return model")).strip().split("\n\n")
    cells = map(nbformat.v4.new_code_cell, [SMALL, SCRIPT, CALL, NUMBERS, *steps])
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    NotebookClient(notebook, resources={"metadata": {"path": clone}}).execute(env=environment(HOME.name))
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    printed = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert printed.count("test accuracy") == 3 and printed.count("Starting TensorFlow") == 1
    assert read_metrics(clone, "notebook_mlp_256")["epochs"] == 10
    assert read_metrics(clone, "mine")["parameters"] == read_metrics(clone, "five_steps")["parameters"] == 6370
    assert not any(output.get("name") == "stderr" for output in outputs)


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_git_ignores_what_a_run_writes(trained_copy):
    shutil.copy(ROOT / ".gitignore", trained_copy)
    subprocess.run(["git", "init", "-q"], cwd=trained_copy, check=True)
    status = subprocess.check_output(["git", "status", "--porcelain"], cwd=trained_copy, encoding="utf-8")
    assert status == "?? .gitignore\n"


def test_only_what_the_deck_trained_is_compared_with_the_deck(tensorflow):
    """Its layers, loss, optimizer, epochs and steps, by `accelerate`."""
    import keras

    def is_decks(loss="categorical_crossentropy", optimizer="adam", epochs=10, steps=240, iterations=2400, **changes):
        model = mlp.build_model(**changes.pop("model", {}))
        model.compile(loss=loss, optimizer=optimizer)
        model.optimizer.iterations.assign(iterations)
        history = keras.callbacks.History()
        history.epoch, history.params = list(range(epochs)), {"steps": steps}
        history.accelerated = changes.get("accelerated", True)
        return networks.is_decks("mlp_256", model, history)

    assert is_decks()
    for change in (
        {"loss": "mse"},
        {"optimizer": "sgd"},
        {"optimizer": keras.optimizers.Adam(amsgrad=True)},
        {"epochs": 9},
        {"steps": 120},
        {"iterations": 4800},
        {"model": {"hidden": 257}},
        {"accelerated": False},
    ):
        assert not is_decks(**change), change
    assert runs.Run("mlp_256", {"deck_model": True, "check": "other pixels: x"}, None).reference is None

"""`training.accelerate` against Keras's own fit, with the arguments and the edits that a lesson may have."""

import re

import numpy as np
import pytest
import tensorflow

import cnn
import mlp
import mlp_dropout
import preprocess
from benchmarks import plain_keras
from digits import acceleration, mnist, training
from digits.errors import UserError

pytestmark = pytest.mark.usefixtures("tensorflow")
keras = training.keras  # which the scripts above have started
BUILD = {
    "mlp_256": mlp.build_model,
    "mlp_800": lambda: mlp.build_model(800),
    "mlp_dropout": mlp_dropout.build_model,
    "cnn": cnn.build_model,
}


@pytest.fixture(scope="module")
def digits():
    """The first 2100 digits: 1680 to train with, in nine batches, the last one smaller."""
    arrays = mnist.load_arrays()
    return preprocess.flatten_and_normalize(arrays["x_train"][:2100]), preprocess.one_hot(arrays["y_train"][:2100])


def train(name, digits, accelerated, options=None, **arguments):
    """Train for three epochs as a script does, or not `accelerated` the same model of plain Keras; return the model."""
    keras.utils.set_random_seed(5)
    model = BUILD[name]() if accelerated else plain_keras.build_model(name)
    usual = {"loss": "categorical_crossentropy", "optimizer": keras.optimizers.Adam(), "metrics": ["accuracy"]}
    model.compile(**usual | (options or {}))
    if accelerated:
        training.accelerate(model)
    x, y = digits
    x = x.reshape(-1, *model.input_shape[1:])
    model.fit(x, y, **{"validation_split": 0.2, "epochs": 3, "batch_size": 200, "verbose": 0} | arguments)
    return model


def assert_same(ours, plain):
    assert len(ours.get_weights()) >= 4
    assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True))
    assert ours.history.history == plain.history.history
    assert ours.history.epoch == plain.history.epoch and ours.history.params == plain.history.params


@pytest.fixture
def keras_adam(monkeypatch):
    """Keras's own Adam: its rounding is all that differs."""
    monkeypatch.setattr(acceleration, "fuse_adam", lambda optimizer: None)


@pytest.mark.parametrize("name", BUILD)
def test_a_script_trains_what_plain_keras_trains_bit_by_bit(keras_adam, digits, name):
    assert_same(train(name, digits, True), train(name, digits, False))


def largest(labels, predictions):
    """Return the largest probability in a batch: a metric as a student may write one."""
    return keras.ops.max(predictions)


CASES = {  # what is given to `compile`, and what to `fit`
    "sparse labels, float64": (lambda: {"loss": "sparse_categorical_crossentropy"}, {}),
    "AdamW, two metrics, some epochs": (
        lambda: {"optimizer": keras.optimizers.AdamW(), "metrics": ["acc", keras.metrics.TopKCategoricalAccuracy(3)]},
        {"initial_epoch": 1, "validation_freq": 2},
    ),
    "SGD, no metric, no validation": (
        lambda: {"optimizer": keras.optimizers.SGD(0.1, momentum=0.9), "metrics": []},
        {"validation_split": 0},
    ),
    "amsgrad, no shuffling": (lambda: {"optimizer": keras.optimizers.Adam(0.01, amsgrad=True)}, {"shuffle": False}),
    "steps_per_execution": (lambda: {"steps_per_execution": 3}, {}),
    "a metric that is no mean": (lambda: {"metrics": [largest]}, {}),
    "eager": (lambda: {"run_eagerly": True}, {}),
    "left to Keras": (dict, {"class_weight": {digit: 1 + digit for digit in range(10)}, "validation_batch_size": 100}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_differs_from_the_deck_is_keras_own_bit_by_bit(request, digits, case):
    if "amsgrad" not in case:  # for which Adam stays as it is
        request.getfixturevalue("keras_adam")
    x, y = digits
    if case == "sparse labels, float64":
        x, y = x.astype("float64"), y.argmax(axis=1)
    options, arguments = CASES[case]
    assert_same(*(train("mlp_256", (x, y), fast, options(), **arguments) for fast in (True, False)))


def test_what_is_compiled_by_xla_differs_by_rounding_only(digits):
    ours, plain = (train("mlp_256", digits, fast, {"jit_compile": True}).history.history for fast in (True, False))
    for name in plain:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-2)


def test_callbacks_see_what_they_see_in_keras(keras_adam, digits):
    seen = []
    for fast in (True, False):
        batches, epochs = [], []
        watch = keras.callbacks.LambdaCallback
        batch = watch(on_train_batch_end=lambda batch, logs, found=batches: found.append(batch))
        epoch = watch(on_epoch_end=lambda epoch, logs, found=epochs: found.append(logs))
        stop = keras.callbacks.EarlyStopping(min_delta=9, patience=0)
        model = train("mlp_256", digits, fast, callbacks=[batch])
        stopped = train("mlp_256", digits, fast, callbacks=[epoch, stop])
        assert len(stopped.history.epoch) == 2 and stopped.stop_training
        seen.append((batches, epochs, model.get_weights()[0].tolist()))
    assert seen[0] == seen[1] and len(seen[0][0]) == 27


@pytest.mark.filterwarnings("error")
def test_keras_own_fit_before_and_after(digits):
    model, x, y = train("mlp_256", digits, False), *digits
    assert model.optimizer.iterations == 27
    training.accelerate(model)
    model.fit(x, y, batch_size=20, verbose=0)
    assert model.optimizer.iterations == 27 + 105
    del model.fit
    model.fit(x, y, batch_size=20, verbose=0)
    assert model.optimizer.iterations == 27 + 105 + 105
    _, accuracy = model.evaluate(x, y, batch_size=500, verbose=0)
    predictions = model.predict(x, batch_size=500, verbose=0)
    assert accuracy == pytest.approx(np.mean(predictions.argmax(axis=1) == y.argmax(axis=1)))


@pytest.mark.parametrize("split", [1e-17, 0.9999])
def test_a_split_with_an_empty_side(digits, split):
    with pytest.raises(UserError, match="leaves no image to train or to validate with") as error:
        train("mlp_256", digits, True, validation_split=split)
    assert error.value.exit_code == 2


def test_what_is_printed(digits, capsys):
    train("mlp_256", digits, True)
    assert capsys.readouterr().out == ""
    train("mlp_256", digits, True, verbose="auto", batch_size=37)
    out = capsys.readouterr().out
    assert "1680 images for training, 420 for validation; " in out and "3 epochs of 46 batches of 37" in out
    assert re.search(r"; (CPU \(\d+ cores\)|GPU \(.+\))\n", out)
    assert len(re.findall("val_accuracy", out)) == 3  # one line per epoch where there is no terminal


def test_type_and_file_are_keras_own(tmp_path, digits):
    ours = train("mlp_256", digits, True)
    assert type(ours) is keras.Sequential
    ours.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model.optimizer) is keras.optimizers.Adam and model.optimizer.iterations == 3 * 9
    assert "fit" not in vars(model)
    before = model.evaluate(*digits, verbose=0)[0]
    model.fit(*digits, verbose=0)
    assert model.evaluate(*digits, verbose=0)[0] < before


@pytest.mark.parametrize("kind", ["arrays", "a list", "with weights", "a dataset"])
def test_validation_data_instead_of_a_split(keras_adam, digits, kind):
    x, y = (array[:1680] for array in digits)
    left = [array[1680:] for array in digits]
    validation_data = {
        "arrays": tuple(left),
        "a list": left,
        "with weights": (*left, np.ones(420, "float32")),
        "a dataset": tensorflow.data.Dataset.from_tensor_slices(tuple(left)).batch(200),
    }[kind]
    options = {"validation_split": 0, "validation_data": validation_data}
    assert_same(*(train("mlp_256", (x, y), fast, **options) for fast in (True, False)))


def test_mistakes_are_keras_errors(digits):
    x, y = digits
    with pytest.raises(ValueError, match="cardinality"):
        train("mlp_256", (x[:1000], y), True, validation_split=0)
    model = mlp.build_model()
    training.accelerate(model)
    with pytest.raises(ValueError, match=r"call `compile\(\)` before"):
        model.fit(x, y)

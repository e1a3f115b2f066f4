"""`training.accelerate` against Keras's own fit, with the arguments and the edits that a lesson may have."""

import keras
import numpy as np
import pytest
import tensorflow

import cnn
import mlp
import mlp_dropout
import preprocess
from benchmarks import plain_keras
from conftest import FAST, ROOT, run_python
from digits import acceleration, mnist, training
from digits.errors import UserError

pytestmark = pytest.mark.usefixtures("tensorflow")


def build_normalized():
    """A model with the other layers that are proven."""
    hidden = [keras.layers.Dense(20), keras.layers.BatchNormalization(), keras.layers.Activation("relu")]
    return keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(10, activation="softmax")])


BUILD = {
    "normalized": build_normalized,
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
    model = BUILD[name]() if accelerated or name == "normalized" else plain_keras.build_model(name)
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
    ours, plain = (train(name, digits, accelerated) for accelerated in (True, False))
    assert ours.history.accelerated and not hasattr(plain.history, "accelerated")
    assert_same(ours, plain)


def spoil(loss):
    """A loss whose configuration cannot be had, as a student may write one."""

    class Spoiled(keras.losses.CategoricalCrossentropy):
        def get_config(self):
            raise NotImplementedError

    return Spoiled()


WATCH = keras.callbacks.LambdaCallback
# What is added to the model, given to `compile` and to `fit`. Of those that are left to Keras, nothing differs.
LEFT_TO_KERAS = {
    "random noise": (lambda: [keras.layers.GaussianNoise(0.1)], {}, {}),
    "LSTM with dropout": (lambda: [keras.layers.Reshape((28, 28)), keras.layers.LSTM(8, dropout=0.3)], {}, {}),
    "another metric": (list, {"metrics": ["accuracy", "mse"]}, {}),
    "weighted metrics": (list, {"weighted_metrics": ["accuracy"]}, {}),
    "a loss without a configuration": (list, {"loss": spoil}, {}),
    "eager": (list, {"run_eagerly": True}, {}),
    "steps per execution": (list, {"steps_per_execution": 3}, {}),
    "class weights": (list, {}, {"class_weight": {digit: 1 + digit for digit in range(10)}}),
    "sample weights": (list, {}, {"sample_weight": np.linspace(0, 1, 2100)}),
    "callbacks": (list, {}, {"callbacks": lambda: [WATCH(on_test_batch_end=lambda batch, logs: None)]}),
    "other pixels": (list, {}, {"x": lambda x: x - 0.5}),
    "other images": (list, {}, {"x": lambda x: x[::-1].copy()}),
    "other labels": (list, {}, {"y": lambda y: np.roll(y, 1, axis=1)}),
    "digits as labels": (list, {"loss": "sparse_categorical_crossentropy"}, {"y": lambda y: y.argmax(axis=1)}),
}


@pytest.mark.parametrize("case", LEFT_TO_KERAS)
def test_everything_else_is_left_to_keras(digits, case):
    added, options, arguments = LEFT_TO_KERAS[case]
    arguments = dict(arguments)
    x, y = (arguments.pop(name, lambda array: array)(array) for name, array in zip("xy", digits))
    options = {name: value(None) if value is spoil else value for name, value in options.items()}
    if "callbacks" in arguments:
        arguments["callbacks"] = arguments["callbacks"]()
    keras.utils.set_random_seed(5)
    layers = [keras.Input((784,)), *added(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(**{"loss": "categorical_crossentropy", "optimizer": "adam", "metrics": ["accuracy"]} | options)
    training.accelerate(model)
    history = model.fit(x, y, epochs=1, batch_size=200, verbose=0, **arguments)
    assert len(history.epoch) == 1 and not hasattr(history, "accelerated")


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "Adam"])
def test_with_other_optimizers_and_arguments_too(keras_adam, digits, optimizer):
    def options():
        return {"optimizer": getattr(keras.optimizers, optimizer)(0.01)}

    arguments = {"initial_epoch": 1, "validation_freq": 2, "shuffle": optimizer != "AdamW", "callbacks": []}
    ours, plain = (train("mlp_256", digits, fast, options(), **arguments) for fast in (True, False))
    assert ours.history.accelerated
    assert_same(ours, plain)


def test_what_is_compiled_by_xla_differs_by_rounding_only(digits):
    ours, plain = (train("mlp_256", digits, fast, {"jit_compile": True}).history.history for fast in (True, False))
    for name in plain:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-2)


@pytest.mark.filterwarnings("error")
def test_keras_own_fit_before_and_evaluate_and_predict_after(digits):
    model, x, y = train("mlp_256", digits, False), *digits
    assert model.optimizer.iterations == 27
    training.accelerate(model)
    model.fit(x, y, batch_size=20, verbose=0)
    assert model.optimizer.iterations == 27 + 105
    _, accuracy = model.evaluate(x, y, batch_size=500, verbose=0)
    predictions = model.predict(x, batch_size=500, verbose=0)
    assert accuracy == pytest.approx(np.mean(predictions.argmax(axis=1) == y.argmax(axis=1)))


@pytest.mark.parametrize("split", [1e-17, 0.9999])
def test_a_split_with_an_empty_side(digits, split):
    with pytest.raises(UserError, match="leaves no image to train or to validate with") as error:
        train("mlp_256", digits, True, validation_split=split)
    assert error.value.exit_code == 2


def test_type_and_file_are_keras_own(tmp_path, digits):
    ours = train("mlp_256", digits, True)
    assert type(ours) is keras.Sequential
    ours.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model.optimizer) is keras.optimizers.Adam and model.optimizer.iterations == 3 * 9
    assert "fit" not in vars(model)


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


def test_fused_adam_is_keras_adam():
    gradients = np.random.default_rng(0).normal(size=(20, 50)).astype("float32")
    values = []
    for fuse in (acceleration.fuse_adam, lambda optimizer: None):
        optimizer, variable = keras.optimizers.Adam(0.01), keras.Variable(np.ones(50, "float32"))
        fuse(optimizer)
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        values.append(variable.numpy())
    np.testing.assert_allclose(*values, rtol=1e-5)
    assert np.abs(values[0] - 1).max() > 0.01


def test_the_flags_for_the_processor(tmp_path):
    process = run_python(tmp_path, ROOT / "mlp.py", *FAST, "--bfloat16")
    assert process.returncode == 0 and process.stderr == ""
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mlp_256_bfloat16_dryrun"]

"""All five steps on a few hundred synthetic digits, in seconds. Runs first, so that a broken build fails at once."""

import numpy as np
import pytest

import cnn
import mlp
import preprocess
from digits import synthetic, training


@pytest.fixture(scope="module")
def data(tensorflow):
    """600 synthetic digits to train with and 300 to test with."""
    rng = np.random.default_rng(0)
    glyphs = synthetic.draw_glyphs()  # glyph i shows the digit i % 10
    which = rng.integers(0, len(glyphs), 900)
    x = preprocess.flatten_and_normalize(synthetic.distort(glyphs, which, rng))
    y = preprocess.one_hot(which % 10)
    return preprocess.Dataset(x[:600], y[:600], x[600:], y[600:], "synthetic", "")


@pytest.mark.parametrize("lesson", [mlp, cnn])
def test_a_model_learns(data, lesson):
    import keras

    keras.utils.set_random_seed(0)
    model = lesson.build_model()
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"])
    training.accelerate(model)
    history = model.fit(data.x_train, data.y_train, validation_split=0.2, epochs=5, batch_size=20, verbose=0)
    losses = history.history["loss"]
    assert len(losses) == len(history.history["val_loss"]) == 5 and losses[-1] < losses[0] / 2
    _, accuracy = model.evaluate(data.x_test, data.y_test, verbose=0)
    probabilities = model.predict(data.x_test, verbose=0)
    assert probabilities.shape == (300, 10) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    predictions = probabilities.argmax(axis=1)
    assert accuracy == pytest.approx(np.mean(predictions == data.y_test.argmax(axis=1)))
    assert accuracy > 0.5  # chance is 0.1

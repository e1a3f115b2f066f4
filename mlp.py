"""Slides 7-13: a multilayer perceptron classifies handwritten digits.

python mlp.py                  slides 11-12: 256 hidden units; the deck's test accuracy is 0.9762
python mlp.py --hidden 800     slide 13: 800 hidden units, and overfitting
"""

from digits import flags, report, runs, training  # first: TensorFlow starts quietly

import keras
import pandas as pd
from keras import layers

from preprocess import load_data


def build_model(hidden=256):
    """Slide 7: 784 inputs, `hidden` hidden units, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities.
    """
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),
            layers.Dense(10, activation="softmax", kernel_initializer="random_normal"),
        ],
        name="mlp",
    )


def main(
    run,
    hidden=256,
    epochs=10,
    batch_size=200,
    validation_split=0.2,
    learning_rate=0.001,
    seed=0,
):
    print("\n1. Preprocess the data  資料預處理 (slides 2-6)")
    (x_train, y_train), (x_test, y_test) = load_data()

    print("\n2. Build the model  建立模型 (slide 7)")
    keras.utils.set_random_seed(seed)
    model = build_model(hidden)
    model.summary()

    print("\n3. Train the model  訓練模型 (slide 10)")
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(learning_rate),
        metrics=["accuracy"],
    )
    training.accelerate(model)  # optional: the same training, faster; only Adam's rounding differs
    history = model.fit(
        x_train,
        y_train,
        validation_split=validation_split,
        epochs=epochs,
        batch_size=batch_size,
    )
    run = runs.save(run, model, history)  # models/mlp_256/: from here on, nothing can lose it

    print("\n4. Evaluate the model  評估模型準確率 (slides 12 and 13)")
    model.evaluate(x_test, y_test, batch_size=batch_size, verbose=2)

    print("\n5. Predict  進行預測 (slides 8 and 18)")
    probabilities = model.predict(x_test, batch_size=batch_size, verbose=0)
    labels, predictions = y_test.argmax(axis=1), probabilities.argmax(axis=1)
    print(pd.crosstab(labels, predictions, rownames=["label"], colnames=["predict"]))

    report.show(run, y_test, probabilities)  # plots/mlp_256/, and the deck's number beside ours
    return model, history


if __name__ == "__main__":
    flags.run(main, "mlp_{hidden}")  # the flags are main's arguments

"""Slides 20-29: a convolutional neural network beats the MLP; the deck's test accuracy is 0.9902.

python cnn.py                    slide 28: 3x3 filters, as on the deck's slides 22-23
python cnn.py --kernel-size 5    5x5 filters, as in the book that the deck follows
"""

from digits import flags, report, runs, training  # first: TensorFlow starts quietly

import keras
import pandas as pd
from keras import layers

from preprocess import load_data


def build_model(kernel_size=3, dropout=0.25):
    """Slides 21, 27, 28: 16 filters, pool, 36 filters, pool, Dropout, 1764 values, 128 units, 10.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities.
    """
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(16, kernel_size, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(36, kernel_size, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="cnn",
    )


def main(
    run,
    kernel_size=3,
    dropout=0.25,
    epochs=10,
    batch_size=200,
    validation_split=0.2,
    learning_rate=0.001,
    seed=0,
):
    print("\n1. Preprocess the data  資料預處理 (slides 2-6)")
    (x_train, y_train), (x_test, y_test) = load_data()

    print("\n2. Build the model  建立模型 (slides 20-28)")
    keras.utils.set_random_seed(seed)
    model = build_model(kernel_size, dropout)
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
    run = runs.save(run, model, history)  # models/cnn/: from here on, nothing can lose it

    print("\n4. Evaluate the model  評估模型準確率 (slide 29)")
    model.evaluate(x_test, y_test, batch_size=batch_size, verbose=2)

    print("\n5. Predict  進行預測 (slides 8 and 18)")
    probabilities = model.predict(x_test, batch_size=batch_size, verbose=0)
    labels, predictions = y_test.argmax(axis=1), probabilities.argmax(axis=1)
    print(pd.crosstab(labels, predictions, rownames=["label"], colnames=["predict"]))

    report.show(run, y_test, probabilities)  # plots/cnn/, and the deck's number beside ours
    return model, history


if __name__ == "__main__":
    flags.run(main, "cnn")  # the flags are main's arguments

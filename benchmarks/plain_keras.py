"""Plain Keras scripts, written from the slides: what ours must agree with, and what `benchmarks/speed.py` measures.

python benchmarks/plain_keras.py cnn data

It imports nothing of this project, so that nothing of this project can make it faster.
"""

import argparse
import json
import time

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D


def load_data(folder):
    """Slides 2-6: return the images as features in [0, 1], (n, 784), and the labels one-hot, (n, 10)."""
    with np.load(f"{folder}/mnist.npz") as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x_train = x_train.reshape(60000, 784).astype("float32") / 255
    x_test = x_test.reshape(10000, 784).astype("float32") / 255
    return x_train, keras.utils.to_categorical(y_train), x_test, keras.utils.to_categorical(y_test)


def build_model(run):
    """Slides 7, 13, 16 and 28: return the model, compiled."""
    model = keras.Sequential()
    if run == "cnn":
        model.add(Conv2D(16, (3, 3), padding="same", activation="relu"))
        model.add(MaxPooling2D((2, 2)))
        model.add(Conv2D(36, (3, 3), padding="same", activation="relu"))
        model.add(MaxPooling2D((2, 2)))
        model.add(Dropout(0.25))
        model.add(Flatten())
        model.add(Dense(128, activation="relu"))
        model.add(Dense(10, activation="softmax"))
        model.build((None, 28, 28, 1))
    else:
        model.add(Dense(256 if run == "mlp_256" else 800, kernel_initializer="random_normal", activation="relu"))
        if run == "mlp_dropout":
            model.add(Dropout(0.5))
        model.add(Dense(10, kernel_initializer="random_normal", activation="softmax"))
        model.build((None, 784))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def fit(model, x_train, y_train, epochs=10):
    """Slide 10: train; return Keras's History."""
    return model.fit(x_train, y_train, validation_split=0.2, epochs=epochs, batch_size=200, verbose=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", choices=["mlp_256", "mlp_800", "mlp_dropout", "cnn"])
    parser.add_argument("folder", help="where mnist.npz is")
    args = parser.parse_args()
    run, folder = args.run, args.folder
    x_train, y_train, x_test, y_test = load_data(folder)
    if run == "cnn":
        x_train, x_test = x_train.reshape(60000, 28, 28, 1), x_test.reshape(10000, 28, 28, 1)
    model = build_model(run)
    start = time.perf_counter()
    fit(model, x_train, y_train)
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": accuracy, "versions": versions}))


if __name__ == "__main__":
    main()

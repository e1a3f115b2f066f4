"""Plain Keras scripts, written from the slides: what ours must agree with, and what `benchmarks/speed.py` measures.

python benchmarks/plain_keras.py cnn data

It imports nothing of this project, so that nothing of it can make them faster.
"""

import argparse
import json
import time

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", choices=["mlp_256", "mlp_800", "mlp_dropout", "cnn"])
    parser.add_argument("folder", help="where mnist.npz is")
    args = parser.parse_args()
    shape = (28, 28, 1) if args.run == "cnn" else (784,)
    with np.load(f"{args.folder}/mnist.npz") as file:  # slides 2-6
        x_train, x_test = (file[name].reshape(-1, *shape).astype("float32") / 255 for name in ("x_train", "x_test"))
        y_train, y_test = (keras.utils.to_categorical(file[name]) for name in ("y_train", "y_test"))
    model = build_model(args.run)
    start = time.perf_counter()
    model.fit(x_train, y_train, validation_split=0.2, epochs=10, batch_size=200, verbose=2)  # slide 10
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": accuracy, "versions": versions}))


if __name__ == "__main__":
    main()

"""Slides 20-29: a convolutional neural network reads handwritten digits better; the deck's test accuracy is 0.9902.

python cnn.py                    slide 28: 3x3 filters, as on the deck's slides 22-23
python cnn.py --kernel-size 5    5x5 filters, as in the book that the deck follows
"""

import evaluate
import preprocess
import report
import script
import train


def build_model(kernel_size=3, dropout=0.25):
    """Slides 21, 27, 28: 16 filters, pool, 36 filters, pool, Dropout, 1764 numbers in a row, 128 neurons, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    from keras import Input, Sequential
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape

    return Sequential(
        [
            Input((784,)),
            Reshape((28, 28, 1)),
            Conv2D(16, kernel_size, padding="same", activation="relu"),
            MaxPooling2D(),
            Conv2D(36, kernel_size, padding="same", activation="relu"),
            MaxPooling2D(),
            Dropout(dropout),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(10, activation="softmax"),
        ],
        name="cnn",
    )


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--kernel-size", type=train.number(int, 1, 29), default=3, help="width and height of a filter")
    parser.add_argument("--dropout", type=train.number(float, 0, 1), default=0.25, help="share of the maps dropped")
    parser.add_argument(
        "--digit",
        type=train.number(int, 0, 10000),
        default=0,
        help="number of the test picture that is followed through the network",
    )
    args = train.begin(parser, run="cnn")

    print("\n1. Preprocess (slides 2-6): 28x28 pictures -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data)

    print("\n2. Build the model (slides 20-28)")
    model = build_model(args.kernel_size, args.dropout)
    model.summary()

    print("\n3. Train it (slide 10)")
    run = train.fit(model, data, args)

    print("\n4. Evaluate it (slides 18, 29)")
    probabilities = evaluate.evaluate(model, data, run)

    print("\n5. Predict (slide 8)")
    evaluate.predict(probabilities, data, run)
    evaluate.look_inside(model, data, run, args.digit)
    report.result(run, args.show)


if __name__ == "__main__":
    script.run(main)

"""Slides 20-29: a convolutional neural network; it beats the MLP, with the deck's test accuracy of 0.9902.

python cnn.py                    slide 28: 3x3 filters, as on the deck's slides 22-23
python cnn.py --kernel-size 5    5x5 filters, as in the book that the deck follows
"""

import sys

sys.path.insert(0, __file__.removesuffix("cnn.py"))  # `python -P` leaves it out

import evaluate
import preprocess
from digits import cli, results, runs, training


def build_model(kernel_size=3, dropout=0.25):
    """Slides 21, 27, 28: 16 filters, pool, 36 filters, pool, Dropout, 1764 values, 128 hidden units, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    import keras
    from keras import layers

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


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("--kernel-size", type=cli.bounded_int(1, 29), default=3, help="width and height of a filter")
    parser.add_argument("--dropout", type=cli.bounded_float(0, 1), default=0.25, help="dropout rate after the pooling")
    parser.add_argument("--digit", type=cli.bounded_int(0, 10000), default=0, help="test image to draw activations of")
    args = cli.parse_training_args(parser, run_name="cnn", argv=argv)
    import keras

    print("\n1. Preprocess the data (slides 2-6): 28x28 images -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data, args.dry_run)

    print("\n2. Build the model (slides 20-28)")
    model = build_model(args.kernel_size, args.dropout)
    model.summary()

    print("\n3. Train the model (slide 10)")
    adam = keras.optimizers.Adam(args.learning_rate)
    model.compile(loss="categorical_crossentropy", optimizer=adam, metrics=["accuracy"])
    history = training.fit(  # model.fit, only faster
        model, data.x_train, data.y_train,
        validation_split=args.validation_split, epochs=args.epochs, batch_size=args.batch_size,
    )  # fmt: skip

    print("\n4. Evaluate the model (slide 29)")
    test_loss, test_accuracy = model.evaluate(data.x_test, data.y_test, batch_size=500, verbose=2)

    print("\n5. Predict (slides 8 and 18)")
    probabilities = model.predict(data.x_test, batch_size=500, verbose=0)
    scores = evaluate.score_predictions(data.y_test, probabilities)
    run = runs.save(model, history, data, args, test_loss=test_loss, test_accuracy=test_accuracy, **scores)
    results.present(run, model, data, probabilities, show=args.show)


if __name__ == "__main__":
    cli.main(main)

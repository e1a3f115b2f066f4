"""Slides 7-13: a multilayer perceptron classifies handwritten digits.

python mlp.py                  slides 11-12: 256 hidden units; the deck's test accuracy is 0.9762
python mlp.py --hidden 800     slide 13: 800 hidden units, and overfitting
"""

import sys

sys.path.insert(0, __file__.removesuffix("mlp.py"))  # `python -P` leaves it out

import evaluate
import preprocess
from digits import cli, results, runs, training


def build_model(hidden=256):
    """Slide 7: 784 inputs, `hidden` hidden units, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),
            layers.Dense(10, activation="softmax", kernel_initializer="random_normal"),
        ],
        name="mlp",
    )


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("--hidden", type=cli.bounded_int(1), default=256, help="number of hidden units")
    args = cli.parse_training_args(parser, run_name="mlp_{hidden}", argv=argv)
    import keras

    print("\n1. Preprocess the data (slides 2-6): 28x28 images -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data, args.dry_run)

    print("\n2. Build the model (slide 7)")
    model = build_model(args.hidden)
    model.summary()

    print("\n3. Train the model (slide 10)")
    adam = keras.optimizers.Adam(args.learning_rate)
    model.compile(loss="categorical_crossentropy", optimizer=adam, metrics=["accuracy"])
    history = training.fit(  # model.fit, only faster
        model, data.x_train, data.y_train,
        validation_split=args.validation_split, epochs=args.epochs, batch_size=args.batch_size,
    )  # fmt: skip

    print("\n4. Evaluate the model (slides 12 and 13)")
    test_loss, test_accuracy = model.evaluate(data.x_test, data.y_test, batch_size=500, verbose=2)

    print("\n5. Predict (slides 8 and 18)")
    probabilities = model.predict(data.x_test, batch_size=500, verbose=0)
    scores = evaluate.score_predictions(data.y_test, probabilities)
    run = runs.save(model, history, data, args, test_loss=test_loss, test_accuracy=test_accuracy, **scores)
    results.present(run, model, data, probabilities, show=args.show)


if __name__ == "__main__":
    cli.main(main)

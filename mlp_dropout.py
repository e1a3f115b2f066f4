"""Slides 14-19: the multilayer perceptron with Dropout: every training step leaves out half of the hidden units.

python mlp_dropout.py                   slides 16-17: 800 hidden units and Dropout(0.5) overfit less
python mlp_dropout.py --dropout 0.25    slide 15's other rate
"""

import sys

sys.path.insert(0, __file__.removesuffix("mlp_dropout.py"))  # `python -P` leaves it out

import evaluate
import preprocess
from digits import cli, results, runs, training


def build_model(hidden=800, dropout=0.5):
    """Slide 16: 784 inputs, `hidden` hidden units of which the fraction `dropout` is dropped in training, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax", kernel_initializer="random_normal"),
        ],
        name="mlp_dropout",
    )


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("--hidden", type=cli.bounded_int(1), default=800, help="number of hidden units")
    parser.add_argument("--dropout", type=cli.bounded_float(0, 1), default=0.5, help="dropout rate of the hidden units")
    args = cli.parse_training_args(parser, run_name="mlp_dropout", argv=argv)
    import keras

    print("\n1. Preprocess the data (slides 2-6): 28x28 images -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data, args.dry_run)

    print("\n2. Build the model (slide 16)")
    model = build_model(args.hidden, args.dropout)
    model.summary()

    print("\n3. Train the model (slide 10)")
    adam = keras.optimizers.Adam(args.learning_rate)
    model.compile(loss="categorical_crossentropy", optimizer=adam, metrics=["accuracy"])
    history = training.fit(  # model.fit, only faster
        model, data.x_train, data.y_train,
        validation_split=args.validation_split, epochs=args.epochs, batch_size=args.batch_size,
    )  # fmt: skip

    print("\n4. Evaluate the model (slide 17)")
    test_loss, test_accuracy = model.evaluate(data.x_test, data.y_test, batch_size=500, verbose=2)

    print("\n5. Predict (slides 8, 18 and 19)")
    probabilities = model.predict(data.x_test, batch_size=500, verbose=0)
    scores = evaluate.score_predictions(data.y_test, probabilities)
    run = runs.save(model, history, data, args, test_loss=test_loss, test_accuracy=test_accuracy, **scores)
    results.present(run, model, data, probabilities, show=args.show)


if __name__ == "__main__":
    cli.main(main)

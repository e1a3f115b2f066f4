"""Slides 14-19: the multilayer perceptron with Dropout: every training step leaves half of the hidden neurons out.

python mlp_dropout.py                   slides 16-17: 800 hidden neurons and Dropout(0.5) overfit less
python mlp_dropout.py --dropout 0.25    slide 15's other rate
"""

import evaluate
import preprocess
import report
import script
import train


def build_model(hidden=800, dropout=0.5):
    """Slide 16: 784 inputs, `hidden` neurons of which a share of `dropout` is dropped in training, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    from keras import Input, Sequential
    from keras.layers import Dense, Dropout

    return Sequential(
        [
            Input((784,)),
            Dense(hidden, activation="relu", kernel_initializer="random_normal"),
            Dropout(dropout),
            Dense(10, activation="softmax", kernel_initializer="random_normal"),
        ],
        name="mlp_dropout",
    )


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--hidden", type=train.number(int, 1), default=800, help="neurons of the hidden layer")
    parser.add_argument("--dropout", type=train.number(float, 0, 1), default=0.5, help="share of them that is dropped")
    args = train.begin(parser, run="mlp_dropout")

    print("\n1. Preprocess (slides 2-6): 28x28 pictures -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data)

    print("\n2. Build the model (slide 16)")
    model = build_model(args.hidden, args.dropout)
    model.summary()

    print("\n3. Train it (slide 10)")
    run = train.fit(model, data, args)

    print("\n4. Evaluate it (slides 17-19)")
    probabilities = evaluate.evaluate(model, data, run)

    print("\n5. Predict (slide 8)")
    evaluate.predict(probabilities, data, run)
    evaluate.look_inside(model, data, run)
    report.result(run, args.show)


if __name__ == "__main__":
    script.run(main)

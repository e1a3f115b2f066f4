"""Slides 7-13: a multilayer perceptron reads handwritten digits.

python mlp.py                  slides 11-12: 256 hidden neurons; the deck's test accuracy is 0.9762
python mlp.py --hidden 800     slide 13: 800 hidden neurons, and overfitting
"""

import evaluate
import preprocess
import report
import script
import train


def build_model(hidden=256):
    """Slide 7: 784 inputs, `hidden` neurons, 10 outputs.

    Returns a keras.Sequential: (n, 784) float32 pixels in [0, 1] -> (n, 10) float32 probabilities of the digits 0 to 9.
    """
    from keras import Input, Sequential
    from keras.layers import Dense

    return Sequential(
        [
            Input((784,)),
            Dense(hidden, activation="relu", kernel_initializer="random_normal"),
            Dense(10, activation="softmax", kernel_initializer="random_normal"),
        ],
        name="mlp",
    )


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("--hidden", type=train.number(int, 1), default=256, help="neurons of the hidden layer")
    args = train.begin(parser, run="mlp_{hidden}")

    print("\n1. Preprocess (slides 2-6): 28x28 pictures -> 784 numbers in [0, 1], labels -> one-hot")
    data = preprocess.load_data(args.dataset, args.data)

    print("\n2. Build the model (slide 7)")
    model = build_model(args.hidden)
    model.summary()

    print("\n3. Train it (slide 10)")
    run = train.fit(model, data, args)

    print("\n4. Evaluate it (slides 12, 13, 18)")
    probabilities = evaluate.evaluate(model, data, run)

    print("\n5. Predict (slide 8)")
    evaluate.predict(probabilities, data, run)
    evaluate.look_inside(model, data, run)
    report.result(run, args.show)


if __name__ == "__main__":
    script.run(main)

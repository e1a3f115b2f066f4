"""Slides 7-13: a multilayer perceptron classifies handwritten digits.

python mlp.py                  slides 11-12: 256 hidden units; the deck's test accuracy is 0.9762
python mlp.py --hidden 800     slide 13: 800 hidden units, and overfitting
"""

from digits import cli, results, training  # first: it starts TensorFlow, quietly

import keras
from keras import layers

from evaluate import confusion_matrix, recall_and_precision
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


def main(args):
    print("\n1. Preprocess the data  資料預處理 (slides 2-6)")
    (x_train, y_train), (x_test, y_test) = load_data(args.dry_run)

    print("\n2. Build the model  建立模型 (slide 7)")
    keras.utils.set_random_seed(args.seed)
    model = build_model(args.hidden)
    model.summary()

    print("\n3. Train the model  訓練模型 (slide 10)")
    optimizer = keras.optimizers.Adam(args.learning_rate)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    training.accelerate(model)  # optional: the same training, faster, and safe to stop with Ctrl-C
    history = model.fit(
        x_train,
        y_train,
        validation_split=args.validation_split,
        epochs=args.epochs,
        batch_size=args.batch_size,
    )

    print("\n4. Evaluate the model  評估模型準確率 (slides 12 and 13)")
    scores = model.evaluate(x_test, y_test, batch_size=500, verbose=2, return_dict=True)

    print("\n5. Predict  進行預測 (slides 8 and 18)")
    probabilities = model.predict(x_test, batch_size=500, verbose=0)
    labels = y_test.argmax(axis=1)
    predictions = probabilities.argmax(axis=1)
    print("The first 20 labels:", labels[:20])
    print("Their predictions:  ", predictions[:20])
    matrix = confusion_matrix(labels, predictions)
    print(f"\nConfusion matrix 混淆矩陣:\n{matrix}")
    print(f"\nRecall 覆蓋率 and precision 命中率:\n{recall_and_precision(matrix)}")

    # models/ and plots/, and how the accuracy compares with the deck's
    results.save(model, history, args, scores, (x_test, y_test), probabilities, matrix)


parser = cli.training_parser(__doc__)
parser.add_argument("--hidden", type=cli.bounded_int(1), default=256, help="number of hidden units")

if __name__ == "__main__":
    cli.run(main, parser, run_name="mlp_{hidden}")

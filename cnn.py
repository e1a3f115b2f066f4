"""Slides 20-29: a convolutional neural network beats the MLP; the deck's test accuracy is 0.9902.

python cnn.py                    slide 28: 3x3 filters, as on the deck's slides 22-23
python cnn.py --kernel-size 5    5x5 filters, as in the book that the deck follows
"""

from digits import cli, results, training  # first: it starts TensorFlow, quietly

import keras
from keras import layers

from evaluate import confusion_matrix, recall_and_precision
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


def main(args):
    print("\n1. Preprocess the data  資料預處理 (slides 2-6)")
    (x_train, y_train), (x_test, y_test) = load_data(args.dry_run)

    print("\n2. Build the model  建立模型 (slides 20-28)")
    keras.utils.set_random_seed(args.seed)
    model = build_model(args.kernel_size, args.dropout)
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

    print("\n4. Evaluate the model  評估模型準確率 (slide 29)")
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
add = parser.add_argument
add("--kernel-size", type=cli.bounded_int(1, 29), default=3, help="width and height of a filter")
add("--dropout", type=cli.bounded_float(0, 1), default=0.25, help="rate after the pooling")
add(
    "--image",
    type=cli.bounded_int(0, 10000),
    help="index of the test image in feature_maps.png (default: the first 3)",
)

if __name__ == "__main__":
    cli.run(main, parser, run_name="cnn")

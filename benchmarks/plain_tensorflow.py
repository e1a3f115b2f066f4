"""The same trainings as a bare TensorFlow loop, without Keras: how fast could they be? An epoch is one graph.

python benchmarks/plain_tensorflow.py cnn data
"""

import argparse
import json
import time

import numpy as np
import tensorflow as tf

EPOCHS, BATCH, TRAINING = 10, 200, 48000


def build_model(run):
    """Return the variables, and the function that turns them, images and `training` into logits."""
    if run == "cnn":
        draw = tf.keras.initializers.GlorotUniform()
        shapes = [(3, 3, 1, 16), (3, 3, 16, 36), (1764, 128), (128, 10)]
    else:
        draw = tf.random_normal_initializer(stddev=0.05)
        hidden = 256 if run == "mlp_256" else 800
        shapes = [(784, hidden), (hidden, 10)]
    variables = [tf.Variable(part) for shape in shapes for part in (draw(shape), tf.zeros(shape[-1]))]

    def mlp(x, training):
        w1, b1, w2, b2 = variables
        x = tf.nn.relu(x @ w1 + b1)
        x = tf.nn.dropout(x, 0.5) if training and run == "mlp_dropout" else x
        return x @ w2 + b2

    def cnn(x, training):
        k1, b1, k2, b2, w3, b3, w4, b4 = variables
        x = tf.reshape(x, (-1, 28, 28, 1))
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, k1, 1, "SAME") + b1), 2, 2, "VALID")
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, k2, 1, "SAME") + b2), 2, 2, "VALID")
        x = tf.nn.dropout(x, 0.25) if training else x
        return tf.nn.relu(tf.reshape(x, (-1, 1764)) @ w3 + b3) @ w4 + b4

    return variables, cnn if run == "cnn" else mlp


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", choices=["mlp_256", "mlp_800", "mlp_dropout", "cnn"])
    parser.add_argument("folder", help="where mnist.npz is")
    args = parser.parse_args()
    with np.load(f"{args.folder}/mnist.npz") as file:
        x_train, x_test = (tf.constant(file[name].reshape(-1, 784), tf.float32) / 255 for name in ("x_train", "x_test"))
        y_train, y_test = (tf.constant(file[name], tf.int64) for name in ("y_train", "y_test"))
    variables, model = build_model(args.run)
    slots = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
    x_val, y_val = x_train[TRAINING:], y_train[TRAINING:]
    count = tf.Variable(0.0)

    @tf.function
    def train():
        order, total = tf.random.shuffle(tf.range(TRAINING)), 0.0
        for step in tf.range(TRAINING // BATCH):
            rows = order[step * BATCH : (step + 1) * BATCH]
            x, y = tf.gather(x_train, rows), tf.gather(y_train, rows)
            with tf.GradientTape() as tape:
                logits = model(x, True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
            total += tf.reduce_sum(tf.cast(tf.argmax(logits, 1) == y, tf.float32))
            count.assign_add(1)
            for variable, (m, v), gradient in zip(variables, slots, tape.gradient(loss, variables)):
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.handle, m=m.handle, v=v.handle, beta1_power=0.9**count, beta2_power=0.999**count,
                    lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=gradient,
                )  # fmt: skip
        return total / TRAINING

    @tf.function
    def accuracy(x, y):
        total = 0.0
        for start in tf.range(0, len(x), 500):
            found = tf.argmax(model(x[start : start + 500], False), 1)
            total += tf.reduce_sum(tf.cast(found == y[start : start + 500], tf.float32))
        return total / len(x)

    start = time.perf_counter()
    for epoch in range(EPOCHS):
        print(f"epoch {epoch + 1}: accuracy {train():.4f}, validation {accuracy(x_val, y_val):.4f}", flush=True)
    seconds = time.perf_counter() - start
    test = float(accuracy(x_test, y_test))
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": test, "versions": {"tensorflow": tf.__version__}}))


if __name__ == "__main__":
    main()

"""The same trainings in JAX with optax, as their users write them: an epoch is one `lax.scan`, compiled.

python benchmarks/plain_jax.py cnn data
"""

import argparse
import json
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

EPOCHS, BATCH, TRAINING = 10, 200, 48000


def init(run, key):
    """Return the weights and biases of each layer. They start as the deck's do."""
    if run == "cnn":
        draw = jax.nn.initializers.glorot_uniform()
        shapes = [(3, 3, 1, 16), (3, 3, 16, 36), (1764, 128), (128, 10)]
    else:
        draw = jax.nn.initializers.normal(0.05)
        hidden = 256 if run == "mlp_256" else 800
        shapes = [(784, hidden), (hidden, 10)]
    keys = jax.random.split(key, len(shapes))
    return [(draw(key, shape), jnp.zeros(shape[-1])) for key, shape in zip(keys, shapes)]


def drop(x, rate, key):
    """Dropout, if there is a `key`."""
    return x if key is None else jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def mlp(parameters, x, key=None, rate=0):
    (w1, b1), (w2, b2) = parameters
    x = jax.nn.relu(x @ w1 + b1)
    return (drop(x, rate, key) if rate else x) @ w2 + b2


def cnn(parameters, x, key=None):
    *convolutions, (w3, b3), (w4, b4) = parameters
    x = x.reshape(-1, 28, 28, 1)
    for kernel, bias in convolutions:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + bias)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = drop(x, 0.25, key)
    return jax.nn.relu(x.reshape(-1, 1764) @ w3 + b3) @ w4 + b4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", choices=["mlp_256", "mlp_800", "mlp_dropout", "cnn"])
    parser.add_argument("folder", help="where mnist.npz is")
    args = parser.parse_args()
    with np.load(f"{args.folder}/mnist.npz") as file:
        x_train, x_test = (file[name].reshape(-1, 784).astype("float32") / 255 for name in ("x_train", "x_test"))
        y_train, y_test = (file[name].astype("int32") for name in ("y_train", "y_test"))
    x_train, x_val = jnp.split(x_train, [TRAINING])
    y_train, y_val = jnp.split(y_train, [TRAINING])
    model = {"cnn": cnn, "mlp_dropout": partial(mlp, rate=0.5)}.get(args.run, mlp)
    adam = optax.adam(0.001)

    def loss(parameters, x, y, key):
        logits = model(parameters, x, key)
        correct = (logits.argmax(1) == y).sum()
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), correct

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(parameters, state, x, y, key):
        order, dropout = jax.random.split(key)
        batches = jax.random.permutation(order, TRAINING).reshape(-1, BATCH)

        def step(carry, batch):
            parameters, state = carry
            rows, key = batch
            (_, correct), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, x[rows], y[rows], key)
            updates, state = adam.update(gradients, state)
            return (optax.apply_updates(parameters, updates), state), correct

        keys = jax.random.split(dropout, len(batches))
        (parameters, state), correct = jax.lax.scan(step, (parameters, state), (batches, keys))
        return parameters, state, correct.sum() / TRAINING

    @jax.jit
    def accuracy(parameters, x, y):
        found = jax.lax.map(lambda batch: model(parameters, batch).argmax(1), x.reshape(-1, 500, 784))
        return (found.ravel() == y).mean()

    key = jax.random.key(0)
    parameters = init(args.run, key)
    state = adam.init(parameters)
    start = time.perf_counter()
    for epoch in range(EPOCHS):
        key, now = jax.random.split(key)
        parameters, state, trained = train(parameters, state, x_train, y_train, now)
        validation = accuracy(parameters, x_val, y_val)
        print(f"epoch {epoch + 1}: accuracy {trained:.4f}, validation {validation:.4f}", flush=True)
    seconds = time.perf_counter() - start
    test = float(accuracy(parameters, x_test, y_test))
    versions = {"jax": jax.__version__, "optax": optax.__version__}
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": test, "versions": versions}))


if __name__ == "__main__":
    main()

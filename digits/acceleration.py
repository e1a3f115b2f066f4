"""What makes training fast; `benchmarks/speed.py` measures it against plain Keras. Only Adam's rounding differs.

Keras calls TensorFlow from Python for every batch: here one call does many. Its dataset of arrays is tuned while it
runs, and waits for that at the end of an epoch: here there is nothing to tune. It updates the loss and the accuracy
with every batch: here once per call. Its Adam takes ten operations per variable: TensorFlow has one. It traces a step
twice if the step creates variables: here they are created before.
"""

import contextlib

from digits import keras_start

keras_start.import_tensorflow()  # quietly, and in Keras's own settings

import keras
import numpy as np
import tensorflow as tf


@contextlib.contextmanager
def faster_steps(model, data, validation_data, batch_size, together, shuffle):
    """Let TensorFlow run `together` batches in one go in this block.

    Args:
        model: compiled keras.Model.
        data, validation_data: pairs of arrays of images and labels; None instead of the second for no validation.
        batch_size: images per batch.
        together: batches per call of TensorFlow.
        shuffle: whether to train in a new order in every epoch, drawn from Keras's seed.

    Yields:
        Two tf.data.Datasets, or None instead of the second, for Keras's `fit`: with them, it trains with the same
        batches in the same order as with the arrays.
    """
    fuse_adam(model.optimizer)
    dataset, validation = order_images(len(data[0]), batch_size, together, shuffle), None
    try:
        model.steps_per_execution = together
        model.train_function = group_steps(model, *data, batch_size, training=True)
        model.optimizer.build(model.trainable_variables)
        if validation_data:
            model.test_function = group_steps(model, *validation_data, batch_size, training=False)
            validation = order_images(len(validation_data[0]), batch_size, together)
        yield dataset, validation
    finally:
        model.steps_per_execution = 1
        model.train_function = model.test_function = None  # Keras makes its own again


def order_images(count, batch_size, together, shuffle=False):
    """Return a tf.data.Dataset of the numbers of the images, in the very order of `model.fit(shuffle=shuffle)`.

    An element is those of `together` batches; the last one, and its last batch, what is left. It counts batches.
    """

    @tf.autograph.experimental.do_not_convert
    def order(_):
        rows = tf.range(count, dtype=tf.int64)
        return tf.random.shuffle(rows) if shuffle else rows

    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.range(1).map(order).rebatch(batch_size * together).with_options(options)
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))


def group_steps(model, x, y, batch_size, training):
    """Return a tf.function for Keras to train with, its `train_function`, or to test with, its `test_function`.

    It takes an iterator of `order_images`, does the steps of its next element, and returns the metrics of the epoch.
    """
    with tf.device("cpu"):  # MNIST need not fit into a GPU's memory
        x, y = (tf.constant(array, "float32" if np.issubdtype(array.dtype, np.floating) else None) for array in (x, y))
    example = model(x[:1], training=False)  # Keras creates variables and metrics when it sees the first batch
    model.compute_loss(x[:1], y[:1], example)
    model.compute_metrics(x[:1], y[:1], example)
    mean_loss = model.metrics[0]

    def step(images, labels):
        with tf.GradientTape() as tape:
            predictions = model(images, training=training)
            loss = model.compute_loss(images, labels, predictions)
            scaled = model.optimizer.scale_loss(loss)
        if training:
            variables = model.trainable_variables
            model.optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, predictions

    if model.jit_compile:
        step = tf.function(step, jit_compile=True, reduce_retracing=True)

    def run(iterator):
        rows = next(iterator)
        labels = tf.gather(y, rows)
        count = -(-tf.shape(rows)[0] // batch_size)
        outputs = tf.TensorArray(example.dtype, count, infer_shape=False, element_shape=(None, *example.shape[1:]))

        def next_batch(i, outputs, total, seen):
            batch = slice(i * batch_size, (i + 1) * batch_size)
            images = tf.gather(x, rows[batch])
            loss, predictions = step(images, labels[batch])
            size = tf.cast(tf.shape(images)[0], total.dtype)
            return i + 1, outputs.write(i, predictions), total + loss * size, seen + size

        start = 0, outputs, mean_loss.total.value, mean_loss.count.value
        _, outputs, total, seen = tf.while_loop(lambda i, *_: i < count, next_batch, start)
        mean_loss.total.assign(total)
        mean_loss.count.assign(seen)
        model.compute_metrics(None, labels, outputs.concat())  # accuracy is a count: the same over many batches
        return model.get_metrics_result()

    return tf.function(run, autograph=False, reduce_retracing=True)


def fuse_adam(optimizer):
    """Make the update of a variable by a keras.optimizers.Adam one TensorFlow operation instead of ten, in place.

    The formula is the same, the rounding is not. It is still saved and loaded as Keras's Adam. Another optimizer, and
    Adam's variant amsgrad, which has another formula, are left as they are.
    """
    if type(optimizer) is not keras.optimizers.Adam or optimizer.amsgrad:
        return

    def update_step(gradient, variable, learning_rate):
        index = optimizer._get_variable_index(variable)
        momentum, velocity = optimizer._momentums[index], optimizer._velocities[index]
        step = tf.cast(optimizer.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=optimizer.beta_1**step,
            beta2_power=optimizer.beta_2**step,
            lr=learning_rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )

    optimizer.update_step = update_step

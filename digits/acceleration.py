"""What makes training fast; `benchmarks/speed.py` measures it against plain Keras. Only Adam's rounding differs.

TensorFlow is imported in the functions: a mistyped flag is answered before it starts.
"""

import contextlib
import os

import numpy as np


def batch_dataset(x, y, batch_size, shuffle=False):
    """Return a tf.data.Dataset of batches, in the very order of `model.fit(x, y, batch_size, shuffle=shuffle)`.

    Unlike Keras's own dataset of arrays, this one is not tuned while it runs: at the end of an epoch TensorFlow waits
    for the tuning thread, which can sleep for seconds.

    Args:
        x, y: arrays of n rows; floating-point numbers become float32, as in Keras.
        batch_size: rows per batch; the last batch has what is left of them.
        shuffle: a new order for every epoch, drawn from Keras's seed.
    """
    import tensorflow as tf

    with tf.device("cpu"):  # where a dataset works, with a GPU too
        x, y = (tf.constant(array, "float32" if np.issubdtype(array.dtype, np.floating) else None) for array in (x, y))

    @tf.autograph.experimental.do_not_convert
    def order(_):
        rows = tf.range(len(x), dtype=tf.int64)
        return tf.random.shuffle(rows) if shuffle else rows

    @tf.autograph.experimental.do_not_convert
    def pick(rows):
        return tf.gather(x, rows), tf.gather(y, rows)

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False  # they would copy x
    dataset = tf.data.Dataset.range(1).map(order).rebatch(batch_size).map(pick).with_options(options)
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(x) // batch_size)))


def fuse_adam(optimizer):
    """Make the update of a variable by a keras.optimizers.Adam one TensorFlow operation instead of ten, in place.

    The formula is the same, the rounding is not. It is still saved and loaded as Keras's Adam. Another optimizer, and
    Adam's variant amsgrad, which has another formula, are left as they are.
    """
    import keras
    import tensorflow as tf

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


@contextlib.contextmanager
def several_batches_at_once(model, steps):
    """Let TensorFlow run `steps` batches in one go in this block, unless `compile` was given a number of its own."""
    if model.steps_per_execution != 1:
        yield
        return
    model.steps_per_execution = steps
    model.train_function = model.test_function = None  # built before, they would keep the old number
    try:
        yield
    finally:
        model.steps_per_execution = 1
        model.train_function = model.test_function = None


def use_bfloat16():
    """Let CPUs that can do so multiply in 16 bits; weights and all that is saved keep 32 bits."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})


def device_name():
    """Return the name of what TensorFlow computes on: "CPU (2 cores)", or the GPU's name."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({os.cpu_count()} cores)"
    return f"GPU ({tf.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')})"

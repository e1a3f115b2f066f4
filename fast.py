"""What makes training fast without changing it; `tests/benchmark.py` measures it against the deck's listing as typed.

TensorFlow is imported in the functions, as in `script.py`.
"""

import contextlib


def batches(x, y, batch_size, shuffle=False):
    """Return a tf.data.Dataset of (x, y) batches, in the very order of `model.fit(x, y, batch_size, shuffle=shuffle)`.

    x, y: arrays of n rows. The last batch has what is left of them. Shuffled with a fixed seed, every epoch has the
    same order, as in Keras. Unlike Keras's own dataset of arrays, this one is not tuned while it runs: at the end of
    an epoch TensorFlow waits for the tuning thread, which can sleep for seconds.
    """
    import tensorflow as tf

    with tf.device("cpu"):  # where a dataset works, with a GPU too
        x, y = tf.constant(x), tf.constant(y)

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


def adam(learning_rate):
    """Return Keras's Adam whose update of a variable is one TensorFlow operation instead of ten.

    The formula is the same, the rounding is not. It is saved as, and continues as, Keras's Adam.
    """
    import tensorflow as tf
    from keras.optimizers import Adam

    optimizer = Adam(learning_rate)

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
    return optimizer


@contextlib.contextmanager
def bfloat16(wanted=True):
    """Within, if `wanted`, let a CPU compute in 16 bits where it helps; weights and all that is saved keep 32 bits."""
    import tensorflow as tf

    try:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": wanted})
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})

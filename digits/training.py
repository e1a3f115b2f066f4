"""Keras's `fit`, faster, and with a Ctrl-C that loses no finished epoch."""

import contextlib
import math
import signal
import threading
import time

from digits import acceleration, environment
from digits.errors import UserError

UPDATES = 8  # of the progress bar per epoch: TensorFlow runs the batches in between at one go, which is faster
VALIDATION_BATCH = 500  # larger than when training: nothing is kept for gradients


def fit(model, x, y, *, batch_size=32, epochs=1, validation_split=0.0, validation_data=None, verbose="auto"):
    """Train `model` as `model.fit` does with the same arguments: the same batches in the same order.

    Only Adam's rounding differs (`acceleration.fuse_adam`). On Ctrl-C training ends with the batch; if an epoch was
    finished, its History is returned, with fewer epochs than asked for, and a second Ctrl-C does not wait.

    Args:
        model: compiled keras.Model.
        x, y: (n, 784) float32 images and (n, 10) float32 one-hot labels.
        batch_size: images per training step.
        epochs: passes over the training images.
        validation_split: fraction of the images, from the end, that validate instead of training.
        validation_data: a pair of x and y to validate with instead.
        verbose: 0 silent, 1 a progress bar, 2 one line per epoch, "auto" 1 in a terminal and 2 elsewhere.

    Returns:
        Keras's History; `started` (by time.perf_counter) and `seconds` say when and how long.

    Raises:
        UserError: the split leaves no image on one side.
        KeyboardInterrupt: before the first epoch was finished.
    """
    import keras

    x_val, y_val = validation_data or (x[:0], y[:0])
    if validation_split:
        split_at = math.floor(len(x) * (1 - validation_split))
        if split_at in (0, len(x)):
            raise UserError(f"--validation-split {validation_split} leaves no image to train or to validate with", 2)
        x, y, x_val, y_val = x[:split_at], y[:split_at], x[split_at:], y[split_at:]
    steps = math.ceil(len(x) / batch_size)
    if verbose:
        print(f"{len(x)} images for training, {len(x_val)} for validation; {acceleration.device_name()}")
        print(f"{epochs} epoch{'s' * (epochs > 1)} of {steps} batches of {batch_size}", flush=True)
    model.steps_per_execution = math.ceil(steps / UPDATES)
    model.make_train_function(force=True)  # one built before would take the old number
    model.make_test_function(force=True)
    if type(model.optimizer) is keras.optimizers.Adam:
        acceleration.fuse_adam(model.optimizer)
    start = time.perf_counter()
    training = acceleration.batch_dataset(x, y, batch_size, shuffle=True)
    validation = acceleration.batch_dataset(x_val, y_val, VALIDATION_BATCH) if len(x_val) else None
    with interrupt_between_batches() as callback:
        # TensorFlow traces a step that creates variables twice: so the optimizer's and the metrics' are created here.
        model.optimizer.build(model.trainable_variables)
        if validation:
            model.evaluate(validation.take(1), verbose=0)
        try:
            model.fit(
                training,
                epochs=epochs,
                validation_data=validation,
                shuffle=False,  # the dataset does
                callbacks=[callback],
                verbose=(1 if environment.is_terminal() else 2) if verbose == "auto" else verbose,
            )
        except KeyboardInterrupt:
            if not model.history.epoch:
                message = f"interrupted in epoch 1 of {epochs}: nothing of it was kept; earlier runs are unchanged"
                raise KeyboardInterrupt(message) from None
        finally:
            acceleration.use_bfloat16(False)
    history = model.history
    history.started, history.seconds = start, time.perf_counter() - start
    return history


@contextlib.contextmanager
def interrupt_between_batches():
    """Yield a Keras callback that raises KeyboardInterrupt after the batch in which Ctrl-C was pressed.

    Raised in the middle of TensorFlow's own code, it can bring the whole process down. A second Ctrl-C does not wait.
    What else asks a process to end counts as Ctrl-C: SIGTERM (`docker stop`, SLURM, `timeout`), and SIGHUP (a terminal
    is closed). Only the main thread gets signals: in another one, as a Dask worker's, the callback does nothing.
    """
    from keras.callbacks import Callback, LambdaCallback

    if threading.current_thread() is not threading.main_thread():
        yield Callback()
        return
    received = []

    def note(number, _):
        received.append(number)
        restore()
        if number == getattr(signal, "SIGHUP", None):
            environment.leave_terminal()

    def stop_here(batch, logs=None):
        if received:
            raise KeyboardInterrupt

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Not what is ignored, as by nohup; nor what another language handles: Python can't restore that.
    numbers = [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield LambdaCallback(on_train_batch_end=stop_here, on_test_batch_end=stop_here)
    finally:
        restore()

"""Step 3 of the deck (slide 10): the recipe that trains every model, and the flags that the model scripts share.

80% of the 60000 training pictures train, 20% validate; 10 epochs; batches of 200; Adam on the categorical crossentropy.
"""

import argparse
import contextlib
import json
import math
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fast
import preprocess
import script

MODELS = Path("models")
DRY_RUN = 2000  # training pictures of a --dry-run

# How a flag that departs from the deck is written in the name of its run: `cnn_epochs3`.
TAGS = {
    "hidden": "hidden",
    "dropout": "rate",
    "kernel_size": "kernel",
    "epochs": "epochs",
    "batch_size": "batch",
    "validation_split": "validation",
    "learning_rate": "lr",
    "seed": "seed",
    "deterministic": "deterministic",
    "bfloat16": "bfloat16",
    "dry_run": "dryrun",
}


def number(kind, lowest, below=math.inf, open_end=False):
    """Return an argparse type: an int or float from `lowest` (not `lowest` itself with `open_end`) to under `below`."""
    limits = f"above {lowest}" if open_end else f"of at least {lowest}"
    limits += f" and below {below}" if below < math.inf else ""

    def parse(text):
        try:
            value = kind(text)
            if not lowest <= value < below or (open_end and value == lowest):
                raise ValueError
        except ValueError:
            kind_name = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {kind_name} {limits}, not '{text}'") from None
        return value

    return parse


def begin(parser, run):
    """Parse the command line and seed every random number; return the flags, with the run's name as `run`.

    parser: holds the script's own flags; the shared ones are added here.
    run: the name of the deck's experiment, with {flags} that belong to it: "cnn", "mlp_{hidden}". A flag that is not
    part of it and differs from the deck is appended, so that no experiment overwrites another's results.
    """
    add = parser.add_argument_group("the recipe, as on slide 10").add_argument
    add("--epochs", type=number(int, 1), default=10, help="how often to go through the training pictures")
    add("--batch-size", type=number(int, 1), default=200, help="pictures a training step")
    add("--validation-split", type=number(float, 0, 1), default=0.2, help="share of the pictures kept for validation")
    add("--learning-rate", type=number(float, 0, open_end=True), default=0.001, help="step size of the Adam optimiser")
    add = parser.add_argument_group("the run").add_argument
    add("--seed", type=number(int, 0, 2**32), default=0, help="same seed, same machine: same numbers")
    add("--deterministic", action="store_true", help="allow only deterministic operations (on a GPU: slower)")
    add("--bfloat16", action="store_true", help="multiply with 16 bits: faster on CPUs with AVX512_BF16 or AMX")
    add("--dry-run", action="store_true", help=f"one epoch over {DRY_RUN} pictures, to see that everything works")
    add("--show", action="store_true", help="open the pictures in windows at the end")
    preprocess.add_flags(parser.add_argument_group("the data"))
    args = parser.parse_args()
    flags = vars(args)
    tags = [
        f"_{TAGS[flag]}" + ("" if value is True else str(value))
        for flag, value in flags.items()
        if flag in TAGS and f"{{{flag}}}" not in run and value != parser.get_default(flag)
    ]
    args.run = run.format(**flags) + "".join(tags)

    tf = script.import_tensorflow()
    import keras

    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()
    return args


def recipe(model, training, validation, epochs=10, batch_size=200, learning_rate=0.001, **options):
    """Slide 10: compile `model` and train it; return Keras's History.

    training, validation: pairs of arrays, (n, 784) pictures and (n, 10) labels; `validation` may hold no picture.
    options: for Keras's `fit`.
    """
    steps = math.ceil(len(training[0]) / batch_size)
    model.compile(
        optimizer=fast.adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=math.ceil(steps / 8),  # several at a time go faster; the bar moves eight times an epoch
    )
    return model.fit(
        fast.batches(*training, batch_size, shuffle=True),
        epochs=epochs,
        validation_data=fast.batches(*validation, 500) if len(validation[0]) else None,
        shuffle=False,
        **options,
    )


def fit(model, data, args):
    """Train `model` on `data` as the flags say and save it; return the name of the run.

    model: takes (n, 784), returns (n, 10) probabilities; not compiled yet. data: `preprocess.Digits`.
    Writes models/<run>/model.keras, history.csv (a row an epoch) and metrics.json, all three once training is done.
    Ctrl-C keeps the finished epochs as the run <run>_interrupted. Raises OSError where a file can't be written.
    """
    from keras.callbacks import CSVLogger, LambdaCallback

    run = args.run + "_synthetic" * (data.dataset == "synthetic")
    epochs, x, y = args.epochs, data.x_train, data.y_train
    if args.dry_run:
        epochs, x, y = 1, x[:DRY_RUN], y[:DRY_RUN]
    training = math.floor(len(x) * (1 - args.validation_split))  # like Keras's own split: the last ones validate
    held_out = len(x) - training
    if not training or (args.validation_split and not held_out):
        script.fail(f"--validation-split {args.validation_split} leaves no picture on one side of the split", 2)
    steps = math.ceil(training / args.batch_size)
    print(f"{training} pictures for training, {held_out} for validation; {device()}")
    print(f"{epochs} epoch{'s' * (epochs > 1)} of {steps} batches of {args.batch_size}", flush=True)
    MODELS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{run}-", dir=MODELS) as folder:
        log = CSVLogger(f"{folder}/history.csv")
        interrupted = False
        start = time.perf_counter()
        try:
            with fast.bfloat16(args.bfloat16), patient_interrupt() as stop_here:
                recipe(
                    model,
                    (x[:training], y[:training]),
                    (x[training:], y[training:]),
                    epochs,
                    args.batch_size,
                    args.learning_rate,
                    callbacks=[log, LambdaCallback(on_train_batch_end=stop_here, on_test_batch_end=stop_here)],
                    verbose=1 if sys.stdout.isatty() else 2,  # a bar in a terminal, a line an epoch in a file
                )
        except KeyboardInterrupt:
            interrupted = True
            log.on_train_end()  # closes its file
        seconds = round(time.perf_counter() - start, 2)
        finished = len(model.history.epoch)
        if interrupted:
            run += "_interrupted"
        if finished:
            before = round(start - script.STARTED, 2)
            save(model, Path(folder), run, data, args, epochs=finished, start_seconds=before, fit_seconds=seconds)
    if interrupted:
        kept = f"the {finished} finished epochs are in {MODELS / run}" if finished else "nothing of it was kept"
        raise KeyboardInterrupt(f"interrupted in epoch {finished + 1} of {epochs}: {kept}; earlier runs are unchanged")
    return run


@contextlib.contextmanager
def patient_interrupt():
    """Yield a Keras callback that raises KeyboardInterrupt if Ctrl-C was pressed since: between batches, never in one.

    Raised in the middle of TensorFlow's own code, it can bring the whole process down. A second Ctrl-C does not wait.
    """
    pressed = []

    def note(*_):
        pressed.append(True)
        signal.signal(signal.SIGINT, before)

    def stop_here(batch, logs=None):
        if pressed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield stop_here
    finally:
        signal.signal(signal.SIGINT, before)


def save(model, folder, run, data, args, **measured):
    """Write the model and the facts of its training beside `folder`'s history.csv, then move all to models/<run>/."""
    last = {name: values[-1] for name, values in model.history.history.items()}
    metrics = {
        "run": run,
        "dataset": data.dataset,
        "dataset_sha256": data.sha256,
        "seed": args.seed,
        "batch_size": args.batch_size,
        "validation_split": args.validation_split,
        "parameters": model.count_params(),
        "train_accuracy": last["accuracy"],
        "validation_accuracy": last.get("val_accuracy"),
        **measured,
        "flags": {flag: value for flag, value in vars(args).items() if flag != "run"},
        "versions": versions(),
        "device": device(),
    }
    model.save(folder / "model.keras")
    write_json(folder / "metrics.json", metrics)
    target = MODELS / run
    target.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.replace(target / file.name)


def versions():
    """Return the versions that a result depends on, and TensorFlow's oneDNN setting, as a dict of texts."""
    import keras
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def write_json(path, content):
    """Write `content` to `path`, whole or not at all."""
    with script.whole_file(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def device():
    """Return the name of what TensorFlow computes on: "CPU (2 cores)", or the GPU's name."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({os.cpu_count()} cores)"
    return f"GPU ({tf.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')})"

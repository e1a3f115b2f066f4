"""From a command line to `args`, and from an error to one line on stderr.

A script ends with `cli.main(main)`. The exit codes: 0 done, 1 could not, 2 bad arguments, 130 interrupted.
TensorFlow, pandas and matplotlib are imported in the functions that need them: `-h` and a mistyped flag answer at once.
"""

import argparse
import math
import os
import sys
import time

from digits import acceleration, environment, results, runs
from digits.errors import UserError, print_error

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
HUGE = 2**31  # the bound of whole numbers that have no other: beyond all machines


def main(function):
    """Call `function()` and end the process; a failure that a user can cause is one line on stderr."""
    environment.prepare_process()
    try:
        function()
        sys.stdout.flush()
    except UserError as error:
        fail(error, error.exit_code)
    except KeyboardInterrupt as interrupt:
        fail(str(interrupt) or "interrupted", 130)
    except BrokenPipeError:  # `python evaluate.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # of the disk or the network: a full disk, a folder without permission
        fail(error)
    except MemoryError:
        fail("out of memory")
    except Exception as error:
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's MemoryError
            raise
        fail("out of memory: the model is too large for this machine; try fewer hidden units or a smaller --batch-size")


def fail(message, exit_code=1):
    """End the process with one line on stderr."""
    print_error(message)
    sys.exit(exit_code)


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Help with every flag's default, below the script's own docstring as it stands."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def argument_parser(description, prog=None):
    """Return a parser whose errors are one line on stderr (exit code 2).

    Args:
        description: what `-h` says above the flags.
        prog: what stands between `python` and the flags (default: the script's name).
    """
    parser = argparse.ArgumentParser(prog, description=description, formatter_class=HelpFormatter, allow_abbrev=False)
    parser.error = lambda message: fail(f"{message} (`python {parser.prog} -h` explains every flag)", 2)
    return parser


def bounded_int(lowest, below=HUGE):
    """Return an argparse type: a whole number from `lowest` to under `below`."""
    return _bounded(int, "a whole number", lowest, below)


def bounded_float(lowest, below=math.inf, open_end=False):
    """Return an argparse type: a number from `lowest` (not `lowest` itself with `open_end`) to under `below`."""
    return _bounded(float, "a number", lowest, below, open_end)


def _bounded(kind, kind_name, lowest, below, open_end=False):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if lowest <= value < below and not (open_end and value == lowest):
            return value
        limits = f"above {lowest}" if open_end else f"of at least {lowest}"
        if below not in (HUGE, math.inf) or value >= below:  # these two go without saying otherwise
            limits += f" and below {below}"
        raise argparse.ArgumentTypeError(f"must be {kind_name} {limits}, not '{text}'")

    return parse


def add_data_flag(parser):
    """Add the flag that says where MNIST is."""

    def existing(text):
        path = os.path.abspath(os.path.expanduser(text))  # a study's workers may run elsewhere
        if not os.path.exists(path):
            raise argparse.ArgumentTypeError(f"there is no {path}; leave --data out for data/ or a download")
        return path

    parser.add_argument("--data", metavar="PATH", type=existing, help="the folder or file that holds MNIST")


def add_dataset_flags(parser):
    """Add the two flags that say which images to take."""
    parser.add_argument(
        "--dataset",
        choices=["auto", "mnist", "synthetic"],
        default="auto",
        help="auto: MNIST, or synthetic digits if it is unavailable; mnist: MNIST or an error; synthetic: drawn digits",
    )
    add_data_flag(parser)


def parse_training_args(parser, run_name, argv=None):
    """Parse a model script's command line, seed the random number generators, and return the flags.

    Args:
        parser: holds the script's own flags; those that the model scripts share are added here.
        run_name: name of the deck's run, with {flags} that belong to it: "cnn", "mlp_{hidden}". Every other flag that
            differs from the deck is appended, so that no experiment overwrites another's results.
        argv: the command line, a list of texts (default: the process's own).

    Returns:
        The flags as an argparse.Namespace, the run's name as `run`, and as `started` the time.perf_counter of now.

    Raises:
        UserError, OSError: a run of this name could not be saved.
    """
    started = time.perf_counter()
    add = parser.add_argument_group("training, as on slide 10").add_argument
    add("--epochs", type=bounded_int(1), default=10, help="passes over the training images")
    add("--batch-size", type=bounded_int(1), default=200, help="images per training step")
    add("--validation-split", type=bounded_float(0, 1), default=0.2, help="fraction of the images kept for validation")
    add("--learning-rate", type=bounded_float(0, open_end=True), default=0.001, help="step size of the Adam optimizer")
    add = parser.add_argument_group("the run").add_argument
    add("--seed", type=bounded_int(0, 2**32), default=0, help="same seed and machine: same results")
    add("--deterministic", action="store_true", help="use deterministic operations only (slower on a GPU)")
    add("--bfloat16", action="store_true", help="multiply with 16 bits: faster on CPUs with AVX512_BF16 or AMX")
    add("--dry-run", action="store_true", help="one epoch over 2000 images, to see that everything works")
    add("--show", action="store_true", help="open the figures in windows at the end")
    add_dataset_flags(parser.add_argument_group("the data"))
    args = parser.parse_args(argv)
    flags = vars(args)
    tags = [
        f"_{TAGS[flag]}" + ("" if value is True else str(value))
        for flag, value in flags.items()
        if flag in TAGS and f"{{{flag}}}" not in run_name and value != parser.get_default(flag)
    ]
    args.run, args.started = run_name.format(**flags) + "".join(tags), started
    if args.dry_run:
        args.epochs = 1
    name = args.run + "_synthetic" * (args.dataset == "synthetic")
    runs.check_writable(name)
    results.check_writable(name)
    _prepare_keras(args)
    return args


def _prepare_keras(args):
    tensorflow = environment.import_tensorflow()
    import keras

    keras.utils.set_random_seed(args.seed)
    acceleration.use_bfloat16(args.bfloat16)  # until training.fit is done
    if args.deterministic:
        tensorflow.config.experimental.enable_op_determinism()

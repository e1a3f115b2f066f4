"""From a command line to `args`, and from an error to one line on stderr.

A script ends with `cli.run(main, parser)`. The exit codes: 0 done, 1 could not, 2 bad arguments, 130 interrupted.
"""

import argparse
import math
import os
import sys
from pathlib import Path

from digits import drawing, environment, interrupts, results, runs
from digits.errors import UserError, fail, print_error
from digits.files import check_folder

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
HUGE = 2**31  # upper limit for integer flags that have no limit of their own


def run(main, parser, argv=None, run_name=None):
    """Call `main(args)` with the flags of the command line; an error that a user can cause is one line on stderr.

    What `main` has trained when an error or Ctrl-C ends it is saved: see `results.rescue`.

    Args:
        main: function of the flags, an argparse.Namespace.
        parser: argparse.ArgumentParser.
        argv: the command line, a list of texts (default: the process's own, or none in a notebook's cell).
        run_name: of a script that trains: see `name_run`. Its `args` have the name of the run as `args.run`.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's stream has none
            stream.reconfigure(errors="replace")  # a cp950 console can't show every character
    script = main.__globals__.get("__file__")
    if argv is None and script is None:  # in a notebook's cell, the process's command line is the notebook's
        argv = []
    args = parser.parse_args(argv)
    with interrupts.raise_once():
        try:
            if run_name:
                prepare_training(args, parser, run_name, script)
            main(args)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            saved = results.rescue(error, args)
            if isinstance(error, BrokenPipeError):  # `python evaluate.py | head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)
            message, exit_code = describe_error(error)
            if message is None:
                if saved:
                    print_error(saved)
                raise
            fail("; ".join(filter(None, [message, saved])), exit_code)


def describe_error(error):
    """Return the line and the exit code for an error that the user can cause, and (None, None) for one of ours."""
    if isinstance(error, UserError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted", 130
    if isinstance(error, OSError):  # of the disk or the network: a full disk, a folder without permission
        return str(error), 1
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        return "out of memory: try fewer hidden units or a smaller --batch-size", 1
    return None, None


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


def training_parser(description):
    """Return a parser with the flags that the scripts that train have in common. Arguments: see `argument_parser`."""
    parser = argument_parser(description)
    add = parser.add_argument_group("training, as on slide 10").add_argument
    add("--epochs", type=bounded_int(1), default=10, help="passes over the training images")
    add("--batch-size", type=bounded_int(1), default=200, help="images per training step")
    add("--validation-split", type=bounded_float(0, 1), default=0.2, help="fraction of the images kept for validation")
    add("--learning-rate", type=bounded_float(0, open_end=True), default=0.001, help="step size of the Adam optimizer")
    add = parser.add_argument_group("the run").add_argument
    add("--seed", type=bounded_int(0, 2**32), default=0, help="same seed and machine: same results")
    add("--deterministic", action="store_true", help="use deterministic operations only (slower on a GPU)")
    add("--bfloat16", action="store_true", help="multiply with 16 bits: faster on CPUs with AVX512_BF16 or AMX")
    add("--dry-run", action="store_true", help="2000 images and one epoch, or --epochs: does everything work?")
    add("--show", action="store_true", help="open the figures in windows at the end")
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
        if below not in (HUGE, math.inf) or value >= below:  # otherwise no need to mention these two limits
            limits += f" and below {below}"
        raise argparse.ArgumentTypeError(f"must be {kind_name} {limits}, not '{text}'")

    return parse


def name_run(args, parser, run_name, script):
    """Return the name of a run, so that no experiment overwrites another's results.

    Every flag that differs from the deck is appended. A copy of a script has runs of its own: my_mlp.py trains
    my_mlp_256, a notebook's cell notebook_mlp_256.

    Args:
        args, parser: the flags and their defaults.
        run_name: of the deck's run, with {flags} that belong to it: "cnn", "mlp_{hidden}".
        script: path of the script, None for a notebook's cell.
    """
    original, brace, rest = run_name.partition("_{")
    name = Path(script).stem if script else f"notebook_{original}"
    named = f"{name}{brace}{rest}".format(**vars(args))
    for flag, value in vars(args).items():
        if flag in TAGS and f"{{{flag}}}" not in run_name and value != parser.get_default(flag):
            named += f"_{TAGS[flag]}" if value is True else f"_{TAGS[flag]}{value}"
    return named


def prepare_training(args, parser, run_name, script):
    """Name the run, check that it can be saved after the training, and set up TensorFlow as the flags say.

    Raises:
        UserError, OSError: it could not be saved.
    """
    args.run = name_run(args, parser, run_name, script)
    if args.dry_run and args.epochs == parser.get_default("epochs"):
        args.epochs = 1
    check_folder(runs.MODELS)
    check_folder(drawing.PLOTS)
    tensorflow = environment.import_tensorflow()
    if args.bfloat16:
        environment.use_bfloat16()
    if args.deterministic:
        tensorflow.config.experimental.enable_op_determinism()

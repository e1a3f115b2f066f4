"""From a command line to a script's `main`, and from an error to one line on stderr.

A script that trains ends with `flags.run(main, "mlp_{hidden}")`: the arguments of its `main` are its flags. The others
have a parser of their own, and end with `flags.run_command(main, parser)`. The exit codes: 0 done, 1 could not, 2 bad
arguments, 130 interrupted.
"""

import argparse
import inspect
import math
import os
import re
import sys
import typing
from pathlib import Path

from digits import deck, interrupts, keras_start, runs
from digits.errors import UserError, fail
from digits.process import options

HUGE = 2**31  # upper limit for flags that have no limit of their own


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


def bounded(kind, lowest, below=HUGE, open_end=False):
    """Return an argparse type: a number from `lowest` (not `lowest` itself with `open_end`) to under `below`.

    kind: int or float.
    """

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if lowest <= value < below and not (open_end and value == lowest):
            return value
        limits = f"above {lowest}" if open_end else f"of at least {lowest}"
        if below != HUGE or value >= below:  # otherwise no need to mention it
            limits += f" and below {below}"
        raise argparse.ArgumentTypeError(f"must be a {'whole ' * (kind is int)}number {limits}, not '{text}'")

    return parse


# The arguments of `main` that we know: the type of the flag, its tag in the name of a run, and its help.
KNOWN = {
    "hidden": (bounded(int, 1), "hidden", "number of hidden units"),
    "dropout": (bounded(float, 0, 1), "rate", "fraction of the units that are dropped in each training step"),
    "kernel_size": (bounded(int, 1, 29), "kernel", "width and height of a filter"),
    "epochs": (bounded(int, 1), "epochs", "passes over the training images"),
    "batch_size": (bounded(int, 1), "batch", "images per training step"),
    "validation_split": (bounded(float, 0, 1), "validation", "fraction of the images kept for validation"),
    "learning_rate": (bounded(float, 0, open_end=True), "lr", "step size of the Adam optimizer"),
    "seed": (bounded(int, 0, 2**32), "seed", "same seed and machine: same results"),
}


def run(main, run_name, argv=None):
    """Call a script's `main(run, ...)`, whose other arguments come from the command line.

    Args:
        main: function; an argument that is not in `KNOWN` becomes a flag of its default's type.
        run_name: of the deck's run, with {arguments} that belong to it: "cnn", "mlp_{hidden}".
        argv: the command line, a list of texts (default: the process's own, or none in a notebook's cell).
    """
    script = main.__globals__.get("__file__")
    if argv is None and script is None:  # in a notebook's cell, the process's command line is the notebook's
        argv = []

    def train():
        parser = training_parser(main)
        arguments = vars(parser.parse_args(argv))
        vars(options).update({name: arguments.pop(name) for name in vars(options)})
        name = name_run(run_name, script, arguments, vars(options), parser)
        if options.dry_run and arguments.get("epochs") == parser.get_default("epochs"):
            arguments["epochs"] = 1
        if options.bfloat16:
            keras_start.use_bfloat16()
        runs.prepare(name)
        try:
            main(runs.Plan(name, arguments), **arguments)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(runs.describe_saved()) from None
        finally:
            vars(options).update(dict.fromkeys(vars(options), False))
        if interrupts.state.received:
            raise KeyboardInterrupt(runs.describe_saved())

    run_process(train)


def run_command(main, parser, argv=None):
    """Call `main(args)` with the flags of the command line, an argparse.Namespace. Arguments: see `run`."""
    run_process(lambda: main(parser.parse_args(argv)))


def run_process(work):
    """Call `work()`; an error that the user can fix, or Ctrl-C, ends the process with one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's stream has none
            stream.reconfigure(errors="replace")  # a cp950 console can't show every character
    with interrupts.handled():
        try:
            work()
            sys.stdout.flush()
        except BrokenPipeError:  # `python evaluate.py | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except (Exception, KeyboardInterrupt) as error:
            message, exit_code = describe_error(error)
            if message is None:
                raise
            fail(message, exit_code)


def describe_error(error):
    """Return the line and the exit code for an error that the user can fix, and (None, None) for one of ours."""
    if isinstance(error, UserError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted", 130
    if isinstance(error, OSError):  # of the disk or the network: a full disk, a folder without permission
        return str(error), 1
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        return "out of memory: try fewer hidden units or a smaller --batch-size", 1
    return None, None


def training_parser(main):
    """Return a parser with one flag for each argument of `main` but the first, and the two flags of the process."""
    parser = argument_parser(main.__globals__.get("__doc__"))
    _, *parameters = inspect.signature(main, eval_str=True).parameters.values()
    for parameter in parameters:
        add_flag(parser, parameter)
    add = parser.add_argument_group("the process").add_argument
    add("--dry-run", action="store_true", help="2000 images and one epoch, or --epochs: does everything work?")
    add("--bfloat16", action="store_true", help="multiply with 16 bits: faster on CPUs with AVX512_BF16 or AMX")
    return parser


def add_flag(parser, parameter):
    """Add the flag for an argument of `main`, an inspect.Parameter.

    Raises:
        UserError: no flag can be made of it.
    """
    name, default = parameter.name, parameter.default
    flag = f"--{name.replace('_', '-')}"
    kind, _, explanation = KNOWN.get(name, (None, None, "an argument of main"))
    kind = kind or find_type(parameter)
    if kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=explanation)
    elif default is not parameter.empty and (name in KNOWN or kind in (int, float, str, Path)):
        parser.add_argument(flag, type=kind, default=default, help=explanation)
    else:
        advice = f"give it a default such as {name}=0.1, or an annotation such as {name}: float = None"
        raise UserError(f"main's argument {name} cannot become a flag: {advice}", 2)


def find_type(parameter):
    """Return the type of an argument of `main`: that of its default, or for None that of its annotation."""
    if parameter.default is not None:
        return Path if isinstance(parameter.default, Path) else type(parameter.default)
    choices = typing.get_args(parameter.annotation) or [parameter.annotation]  # of `float | None`
    return next((choice for choice in choices if choice is not type(None)), None)


def name_run(run_name, script, arguments, chosen, parser):
    """Return the name of a run, so that no experiment overwrites another's results.

    What differs from the deck is appended, and of an argument that the deck does not have, what differs from its
    default. A copy of a script has runs of its own: my_mlp.py trains my_mlp_256, a notebook's cell notebook_mlp_256.

    Args:
        run_name: see `run`.
        script: path of the script, None for a notebook's cell.
        arguments: a dict, of `main`.
        chosen: a dict, the two flags of the process.
        parser: the parser, which has the defaults.
    """
    original = run_name.partition("_{")[0]
    belonging = [argument for argument in re.findall(r"{(\w+)}", run_name) if argument in arguments]
    name = Path(script).stem if script else f"notebook_{original}"
    name += "".join(f"_{arguments[argument]}" for argument in belonging)
    deck_arguments = deck.TRAINING | deck.SCRIPTS.get(original, {})
    for argument, value in arguments.items():
        usual = deck_arguments.get(argument, parser.get_default(argument))
        if argument in belonging or value == usual:
            continue
        tag = KNOWN[argument][1] if argument in KNOWN else argument
        name += f"_{tag}" if value is True else f"_no_{tag}" if value is False else f"_{tag}{value}"
    for option, value in chosen.items():
        name += f"_{option.replace('_', '')}" * value
    return runs.clean_name(name)

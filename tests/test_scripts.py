"""The command line as a student meets it: help, typing errors, consoles that know little."""

import re
import subprocess
import sys

import pytest

from conftest import ROOT, SCRIPTS, environment, error_line, run

ALL = [*SCRIPTS, "evaluate.py", "predict.py", "preprocess.py", "layers.py", "reproduce.py"]


@pytest.fixture(scope="module")
def no_tensorflow(tmp_path_factory):
    """An environment in which importing a heavy library fails: help must not need it."""
    folder = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras", "pandas", "matplotlib", "scipy", "PIL", "distributed"):
        (folder / f"{name}.py").write_text("raise ImportError('too early')")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("name", ALL)
def test_help_names_every_flag_and_default_and_loads_nothing_heavy(tmp_path, no_tensorflow, name):
    process = run(tmp_path, ROOT / name, "-h", **no_tensorflow)
    assert process.returncode == 0 and process.stderr == ""
    assert f"python {name}" in process.stdout
    if name in SCRIPTS:
        for flag in (
            *("--epochs", "--batch-size", "--validation-split", "--learning-rate", "--seed", "--data", "--dataset"),
            *("--deterministic", "--dry-run", "--show"),
        ):
            assert re.search(rf"^  {flag}\b", process.stdout, re.MULTILINE), flag
        assert "(default: 200)" in process.stdout


@pytest.mark.parametrize(
    ("name", "flags", "words"),
    [
        ("cnn.py", ["--epochs", "0"], "--epochs: must be a whole number of at least 1, not '0'"),
        ("cnn.py", ["--epochs", "2.5"], "not '2.5'"),
        ("cnn.py", ["--batch-size", "abc"], "--batch-size: must be a whole number"),
        ("cnn.py", ["--validation-split", "1.5"], "--validation-split: must be a number of at least 0 and below 1"),
        ("cnn.py", ["--validation-split", "nan"], "not 'nan'"),
        ("cnn.py", ["--hidden", "3"], "unrecognized arguments: --hidden"),
        ("cnn.py", ["--epoch", "3"], "unrecognized arguments: --epoch"),
        ("cnn.py", ["--kernel-size", "29"], "below 29"),
        ("cnn.py", ["--learning-rate", "0"], "above 0"),
        ("cnn.py", ["--seed", "4294967296"], "below 4294967296"),
        ("cnn.py", ["--data", "/nowhere", "--dataset", "mnist"], "there is no folder /nowhere"),
        ("cnn.py", ["--dataset", "fashion"], "invalid choice"),
        ("mlp.py", ["--hidden", "-3"], "--hidden: must be a whole number of at least 1, not '-3'"),
        ("mlp_dropout.py", ["--dropout", "1"], "below 1"),
        ("cnn.py", ["--digit", "10000"], "--digit: must be a whole number of at least 0 and below 10000"),
        ("layers.py", ["--bogus"], "--bogus"),
        ("reproduce.py", ["--seeds", "0"], "--seeds: must be a whole number of at least 1"),
        ("preprocess.py", ["--bogus"], "--bogus"),
        ("evaluate.py", ["--bogus"], "--bogus"),
        ("predict.py", ["my.png", "--bogus"], "--bogus"),
        ("predict.py", [], "IMAGE"),
    ],
)
def test_a_bad_argument_is_one_line(tmp_path, no_tensorflow, name, flags, words):
    line = error_line(run(tmp_path, ROOT / name, *flags, **no_tensorflow), 2)
    assert words in line and f"python {name} -h" in line
    assert not list(tmp_path.iterdir())


def test_a_model_too_large_for_the_machine(tmp_path):
    process = run(tmp_path, ROOT / "mlp.py", "--dataset", "synthetic", "--hidden", str(10**12))
    assert process.returncode == 1 and "Traceback" not in process.stderr
    assert process.stderr.strip().splitlines()[-1].startswith("mlp.py: out of memory")


@pytest.mark.parametrize("encoding", ["cp950", "ascii"])
def test_a_console_that_cannot_show_every_character(tmp_path, encoding):
    process = run(tmp_path, ROOT / "mlp.py", "--dataset", "synthetic", "--dry-run", PYTHONIOENCODING=encoding)
    assert process.returncode == 0 and process.stderr == ""


def test_pictures_need_no_display_and_mind_no_backend(tmp_path):
    flags = ["--dataset", "synthetic", "--dry-run"]
    process = run(tmp_path, ROOT / "mlp.py", *flags, MPLBACKEND="TkAgg", DISPLAY="")
    assert process.returncode == 0 and process.stderr == ""
    process = run(tmp_path, ROOT / "mlp.py", *flags, "--show", MPLBACKEND="Agg", DISPLAY="")
    assert process.returncode == 0 and "there is no display here" in process.stdout


def test_a_reader_that_goes_away(tmp_path):
    """`python mlp.py | head -1` ends without a traceback."""
    command = f"{sys.executable} {ROOT / 'mlp.py'} --dataset synthetic --dry-run | head -1"
    process = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=300
    )
    assert process.stderr == ""

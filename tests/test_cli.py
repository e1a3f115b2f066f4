"""The command line as a student meets it: help, typing errors, consoles that know little."""

import re
import signal
import subprocess
import sys

import pytest

from conftest import HOME, ROOT, SCRIPTS, environment, error_line, run_python, run_script
from digits import cli
from digits.errors import UserError

AT_ONCE = ["evaluate.py", "predict.py", "reproduce.py"]


@pytest.fixture(scope="module")
def no_tensorflow(tmp_path_factory):
    """An environment in which importing a heavy library fails: a mistyped flag is answered before."""
    folder = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras", "matplotlib", "scipy", "skimage", "PIL", "jinja2", "distributed"):
        (folder / f"{name}.py").write_text("raise ImportError('too early')")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("name", AT_ONCE)
def test_these_scripts_answer_before_anything_heavy_is_loaded(tmp_path, no_tensorflow, name):
    process = run_python(tmp_path, ROOT / name, "-h", **no_tensorflow)
    assert process.returncode == 0 and process.stderr == "" and f"python {name}" in process.stdout
    line = error_line(run_python(tmp_path, ROOT / name, "my.png", "--bogus", **no_tensorflow), 2)
    assert "--bogus" in line and f"python {name} -h" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_names_every_flag_and_default(tmp_path, name):
    process = run_script(tmp_path, name, "-h")
    assert process.returncode == 0 and process.stderr == "" and f"python {name}" in process.stdout
    for flag in (
        *("--epochs", "--batch-size", "--validation-split", "--learning-rate", "--seed", "--data", "--dataset"),
        *("--deterministic", "--bfloat16", "--dry-run", "--show"),
    ):
        assert re.search(rf"^  {flag}\b", process.stdout, re.MULTILINE), flag
    assert "(default: 200)" in process.stdout


@pytest.mark.parametrize(
    ("name", "flags", "words"),
    [
        ("cnn.py", ["--epochs", "0"], "--epochs: must be a whole number of at least 1, not '0'"),
        ("cnn.py", ["--epochs", "2.5"], "of at least 1, not '2.5'"),
        ("cnn.py", ["--epochs", "2147483648"], "of at least 1 and below 2147483648, not '2147483648'"),
        ("cnn.py", ["--batch-size", "abc"], "--batch-size: must be a whole number"),
        ("cnn.py", ["--validation-split", "1.5"], "--validation-split: must be a number of at least 0 and below 1"),
        ("cnn.py", ["--validation-split", "nan"], "not 'nan'"),
        ("cnn.py", ["--hidden", "3"], "unrecognized arguments: --hidden"),
        ("cnn.py", ["--epoch", "3"], "unrecognized arguments: --epoch"),
        ("cnn.py", ["--kernel-size", "29"], "below 29"),
        ("cnn.py", ["--learning-rate", "0"], "above 0, not '0'"),
        ("cnn.py", ["--learning-rate", "inf"], "above 0 and below inf"),
        ("cnn.py", ["--seed", "4294967296"], "below 4294967296"),
        ("cnn.py", ["--data", "/nowhere", "--dataset", "mnist"], "there is no /nowhere; leave --data out"),
        ("cnn.py", ["--dataset", "fashion"], "invalid choice"),
        ("mlp.py", ["--hidden", "-3"], "--hidden: must be a whole number of at least 1, not '-3'"),
        ("mlp_dropout.py", ["--dropout", "1"], "below 1"),
        ("cnn.py", ["--digit", "10000"], "--digit: must be a whole number of at least 0 and below 10000"),
        ("reproduce.py", ["--seeds", "0"], "--seeds: must be a whole number of at least 1"),
        ("preprocess.py", ["--bogus"], "--bogus"),
        ("mlp.py", ["--batch-size", "99999999999999999999"], "--batch-size: must be a whole number"),
        ("reproduce.py", ["--workers", "99999999999999999999"], "--workers: must be a whole number"),
        ("predict.py", [], "IMAGE"),
    ],
)
def test_a_bad_argument_is_one_line(tmp_path, name, flags, words):
    line = error_line(run_script(tmp_path, name, *flags), 2)
    assert words in line and f"python {name} -h" in line
    assert not list(tmp_path.iterdir())


def parse(*flags):
    parser = cli.training_parser("")
    parser.add_argument("--hidden", type=cli.bounded_int(1), default=256)
    parser.add_argument("--dropout", type=cli.bounded_float(0, 1), default=0.5)
    return parser.parse_args(flags), parser


def test_slide_10_is_the_default():
    args, _ = parse()
    assert (args.epochs, args.batch_size, args.validation_split) == (10, 200, 0.2)


@pytest.mark.parametrize(
    ("run_name", "flags", "name"),
    [
        ("cnn", [], "cnn"),
        ("cnn", ["--epochs", "3"], "cnn_epochs3"),
        ("cnn", ["--epochs", "10", "--show", "--dataset", "mnist"], "cnn"),
        ("mlp_{hidden}", ["--hidden", "800"], "mlp_800"),
        ("mlp_{hidden}", ["--seed", "7"], "mlp_256_seed7"),
        ("mlp_{hidden}", ["--seed", "1234567890"], "mlp_256_seed1234567890"),
        ("mlp_dropout", ["--dropout", "0.25", "--hidden", "800"], "mlp_dropout_hidden800_rate0.25"),
        ("cnn", ["--batch-size", "100", "--validation-split", "0", "--learning-rate", "1e-2"],
         "cnn_batch100_validation0.0_lr0.01"),
        ("cnn", ["--deterministic", "--dry-run"], "cnn_deterministic_dryrun"),
        ("cnn", ["--bfloat16"], "cnn_bfloat16"),
    ],
)  # fmt: skip
def test_a_runs_name_tells_its_experiment(run_name, flags, name):
    script = run_name.removesuffix("_{hidden}")
    assert cli.name_run(*parse(*flags), run_name, f"/anywhere/{script}.py") == name
    assert cli.name_run(*parse(*flags), run_name, f"my_{script}.py") == f"my_{name}"
    assert cli.name_run(*parse(*flags), run_name, None) == f"notebook_{name}"


def end(error, capsys):
    """What `cli.run` makes of an error: the exit code, and what is written to stderr."""

    def main(args):
        raise error

    with pytest.raises(SystemExit) as raised:
        cli.run(main, cli.argument_parser(""), [])
    return raised.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("no such\nthing", 2), 2, ": no such thing\n"),
        (OSError(28, "No space left on device", "models/cnn"), 1, "No space left on device: 'models/cnn'\n"),
        (KeyboardInterrupt(), 130, ": interrupted\n"),
        (MemoryError(), 1, ": out of memory: try fewer hidden units or a smaller --batch-size\n"),
    ],
)
def test_what_a_user_can_cause_is_one_line(capsys, error, code, words):
    found, line = end(error, capsys)
    assert found == code and line.endswith(words) and line.count("\n") == 1


@pytest.mark.parametrize("bug", [ValueError("ours"), KeyError("ours"), ImportError("ours")])
def test_a_bug_of_ours_keeps_its_traceback(bug, capsys):
    with pytest.raises(type(bug)):
        end(bug, capsys)


def test_a_model_too_large_for_the_machine(tmp_path):
    process = run_script(tmp_path, "mlp.py", "--dataset", "synthetic", "--hidden", 2 * 10**9)
    assert process.returncode == 1 and "Traceback" not in process.stderr
    assert process.stderr.strip().splitlines()[-1].startswith("mlp.py: out of memory")


def test_a_console_that_cannot_show_every_character(tmp_path):
    process = run_python(tmp_path, ROOT / "mlp.py", "--dataset", "synthetic", "--dry-run", PYTHONIOENCODING="ascii")
    assert process.returncode == 0 and process.stderr == ""


def test_figures_need_no_display_and_mind_no_backend(tmp_path):
    flags = ["--dataset", "synthetic", "--dry-run"]
    process = run_python(tmp_path, ROOT / "mlp.py", *flags, MPLBACKEND="module://nowhere.backend", DISPLAY="")
    assert process.returncode == 0 and process.stderr == ""
    process = run_python(tmp_path, ROOT / "mlp.py", *flags, "--show", MPLBACKEND="Agg", DISPLAY="")
    assert process.returncode == 0 and "there is no display here" in process.stdout


def test_a_reader_that_goes_away(tmp_path):
    """`python mlp.py | head -1` ends without a traceback."""
    command = f"{sys.executable} {ROOT / 'mlp.py'} --dataset synthetic --dry-run | head -1"
    process = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(HOME.name), capture_output=True, text=True, timeout=300
    )
    assert process.stderr == ""


CRASH = "import os; os.write(2, b'I0000 chatter\\nF0000 the last words\\n'); os.abort()"


@pytest.mark.skipif(sys.platform == "win32", reason="a crash has no exit code of this kind")
def test_a_crash_while_tensorflow_starts_says_its_last_words(tmp_path):
    """As a processor without AVX or a broken installation does."""
    (tmp_path / "keras.py").write_text(CRASH)
    process = run_python(tmp_path, ROOT / "mlp.py", PYTHONPATH=str(tmp_path))
    assert process.returncode == -signal.SIGABRT and process.stderr == "F0000 the last words\n"

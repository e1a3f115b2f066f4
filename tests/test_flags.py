"""The command line as a student meets it: help, typing errors, consoles that know little."""

import importlib
import inspect
import os
import shutil
import sys

import pytest

from conftest import FAST, ROOT, error_line, run_python, run_script, succeed
from digits import deck, flags
from digits.errors import UserError


def test_these_scripts_answer_before_anything_heavy_is_loaded(tmp_path):
    (tmp_path / "blocked").mkdir()
    (tmp_path / "work").mkdir()
    for name in ("tensorflow", "keras", "matplotlib", "jinja2", "distributed"):
        (tmp_path / "blocked" / f"{name}.py").write_text("raise ImportError('too early')")
    for name in ("evaluate.py", "predict.py", "reproduce.py"):
        command = [tmp_path / "work", ROOT / name, "my.png", "--bogus"]
        line = error_line(run_python(*command, PYTHONPATH=str(tmp_path / "blocked")), 2)
        assert "--bogus" in line and f"python {name} -h" in line
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("script", ["mlp", "predict"])
def test_without_the_environment_one_line_says_what_is_not_installed(tmp_path, script):
    line = error_line(run_python(tmp_path, "-S", ROOT / f"{script}.py"), 1)  # -S: without the installed packages
    assert "numpy is not installed" in line and sys.executable in line and "requirements.txt" in line


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("keras.py", "__version__ = '3.7.0'", ("this is Keras 3.7.0", "--upgrade")),
        ("sitecustomize.py", "import sys; sys.version_info = (3, 9, 6)", ("is too old: install 3.11",)),
    ],
)
def test_what_is_too_old_is_one_line(tmp_path, file, content, words):
    (tmp_path / file).write_text(content)
    line = error_line(run_python(tmp_path, ROOT / "mlp.py", PYTHONPATH=str(tmp_path)), 1)
    assert all(part in line for part in words)


def test_copies_that_are_called_as_modules_of_python_work_and_so_does_the_script_beside_them(tmp_path):
    for script in ("copy.py", "random.py", "mlp.py"):
        shutil.copy(ROOT / "mlp.py", tmp_path / script)
    for script in ("copy.py", "mlp.py"):
        succeed(run_python(tmp_path, tmp_path / script, "-h", PYTHONPATH=str(ROOT)))


def test_a_file_beside_the_script_that_hides_a_package_is_one_line(tmp_path):
    shutil.copy(ROOT / "mlp.py", tmp_path)
    (tmp_path / "keras.py").touch()
    line = error_line(run_python(tmp_path, tmp_path / "mlp.py", PYTHONPATH=str(ROOT)), 1)
    assert "keras.py hides the module of that name" in line


# A file, or with a / a folder, that is there before; a command line; its exit code; and what its line says (...: more).
ERRORS = [
    ("", "cnn.py --epochs 0", 2, "--epochs: must be a whole number of at least 1, not '0' (`python cnn.py -h`"),
    ("", "cnn.py --validation-split 1.5", 2, "--validation-split: must be a number of at least 0 and below 1, not"),
    ("", "preprocess.py --dry x", 2, "unrecognized arguments: --dry x (`python preprocess.py -h`"),
    ("", "cnn.py --learning-rate 0", 2, "above 0, not '0' (`python cnn.py -h`"),
    ("", "evaluate.py --image 10000", 2, "--image: must be a whole number of at least 0 and below 10000"),
    ("", "evaluate.py --class missing", 2, "nothing is in ... missing: name the folder"),
    ("empty/", "evaluate.py --class empty", 2, "nothing is in ... empty"),
    ("", "evaluate.py", 1, "no saved run in {folder}/models: `python cnn.py`"),
    ("x.png", "predict.py x.png", 1, "no saved run to predict with in {folder}/models; train one first"),
    ("models", "mlp.py --dry-run", 1, "{folder}/models must be a folder but is a file"),
    ("plots", "mlp.py --dry-run", 1, "{folder}/plots must be a folder but is a file"),
]


@pytest.mark.parametrize(("made", "command", "code", "words"), ERRORS, ids=[command for _, command, *_ in ERRORS])
def test_a_users_error_is_one_line(tmp_path, made, command, code, words):
    if made.endswith("/"):
        (tmp_path / made).mkdir(parents=True)
    elif made:
        (tmp_path / made).touch()
    process = run_script(tmp_path, *command.split())
    line = error_line(process, code)
    assert all(part in line for part in words.replace("{folder}/", f"{tmp_path}{os.sep}").split(" ... "))
    assert "3. Train" not in process.stdout
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [made] * (tmp_path / made).is_file()


@pytest.mark.parametrize(
    ("run_name", "arguments", "name"),
    [
        ("cnn", "", "cnn"),
        ("cnn", "--epochs 3", "cnn_epochs3"),
        ("cnn", "--epochs 10 --dropout 0.25", "cnn"),
        ("mlp_{hidden}", "--hidden 800", "mlp_800"),
        ("mlp_{hidden}", "--seed 1234567890", "mlp_256_seed1234567890"),
        ("mlp_dropout", "--dropout 0.25 --hidden 256", "mlp_dropout_hidden256_rate0.25"),
        ("cnn", "--kernel-size 5 --bfloat16", "cnn_kernel5_bfloat16"),
        ("cnn", "--batch-size 100 --validation-split 0 --learning-rate 1e-2", "cnn_batch100_validation0.0_lr0.01"),
    ],
)
def test_a_runs_name_tells_its_experiment(tensorflow, run_name, arguments, name):
    script = run_name.removesuffix("_{hidden}")
    parser = flags.training_parser(importlib.import_module(script).main)
    for path, prefix in ((f"/anywhere/{script}.py", ""), (f"my_{script}.py", "my_"), (None, "notebook_")):
        values = vars(parser.parse_args(arguments.split()))
        options = {option: values.pop(option) for option in ("bfloat16", "dry_run")}
        assert flags.name_run(run_name, path, values, options, parser) == prefix + name


OWN = """from pathlib import Path

from digits import flags, runs


def main(run, hidden=256, epochs=3, noise=0.1, augment=False, shift=True, words="a/b", path: Path = None):
    print(run.name, *run.arguments.items(), sep="|")


if __name__ == "__main__":
    flags.run(main, "mlp_{hidden}")
"""


def test_an_argument_of_ones_own_becomes_a_flag_and_a_part_of_the_name(tmp_path, tensorflow):
    """Without another line; and a number that was edited in `main` has a name of its own."""
    (tmp_path / "mlp.py").write_text(OWN, encoding="utf-8")

    def read_name(*arguments):
        return succeed(run_script(tmp_path, "mlp.py", *arguments)).splitlines()[-1].split("|")[0]

    assert read_name() == "mlp_256_epochs3"
    changed = read_name("--noise", "0.2", "--augment", "--no-shift", "--words", "c/d", "--path", "a/b.png")
    assert changed == "mlp_256_epochs3_noise0.2_augment_no_shift_wordsc-d_patha-b.png"
    printed = succeed(run_script(tmp_path, "mlp.py", "--noise", "1"))
    assert "('noise', 1.0)" in printed and "('words', 'a/b')" in printed and "('path', None)" in printed
    assert "--augment, --no-augment" in succeed(run_script(tmp_path, "mlp.py", "-h"))
    for argument in ("noise=None", "noise=(1, 2)", "*, noise"):
        (tmp_path / "mlp.py").write_text(OWN.replace("noise=0.1", argument), encoding="utf-8")
        line = error_line(run_script(tmp_path, "mlp.py"), 2)
        assert "main's argument noise cannot become a flag: give it a default such as noise=0.1" in line


def test_two_trainings_do_not_share_a_run(tmp_path, tensorflow):
    (tmp_path / "my#1 {50%}.py").write_text(OWN, encoding="utf-8")
    assert "my#1-{50%}_256_epochs3|" in succeed(run_script(tmp_path, "my#1 {50%}.py"))
    (tmp_path / f"{'x' * 235}.py").write_text(OWN, encoding="utf-8")
    assert "File name too long" in error_line(run_script(tmp_path, f"{'x' * 235}.py"), 1)


def test_the_numbers_of_the_deck_are_those_of_the_scripts(tensorflow):
    for script, own in deck.SCRIPTS.items():
        _, *parameters = inspect.signature(importlib.import_module(script).main).parameters.values()
        assert {parameter.name: parameter.default for parameter in parameters} == own | deck.TRAINING


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("no such\nthing", 2), 2, ": no such thing\n"),
        (OSError(28, "No space left on device", "models/cnn"), 1, "No space left on device: 'models/cnn'\n"),
        (MemoryError(), 1, ": out of memory: try fewer hidden units or a smaller --batch-size\n"),
    ],
)
def test_what_a_user_can_cause_is_one_line(capsys, error, code, words):
    def main(args):
        raise error

    with pytest.raises(SystemExit) as raised:
        flags.run_command(main, flags.argument_parser(""), [])
    line = capsys.readouterr().err
    assert raised.value.code == code and line.endswith(words) and line.count("\n") == 1


def test_no_display_an_ascii_console_no_stderr_and_a_reader_that_goes_away(tmp_path):
    """An IDLE on Windows has no stderr; `| head -1` reads one line."""
    command = f"{sys.executable} {ROOT / 'mlp.py'} {' '.join(FAST)}"
    settings = {"MPLBACKEND": "nowhere", "DISPLAY": "", "PYTHONIOENCODING": "ascii"}
    for end in ("2>&-", "| head -1"):
        program = f"import os; raise SystemExit(os.system({f'{command} {end}'!r}))"
        process = run_python(tmp_path, "-c", program, **settings)
        assert process.returncode == 0 and process.stderr == ""

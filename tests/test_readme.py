"""The READMEs: what they link to exists, their commands are real, and their numbers are those in results/."""

import os
import re
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from benchmarks import speed
from conftest import FAST, ROOT, run_python, run_script
from digits import deck
from lab import exercises

LESSON = [ROOT / "README.md", ROOT / "README.zh-TW.md"]
LAB = [ROOT / "lab" / "lab.md", ROOT / "lab" / "lab.zh-TW.md"]
ANSWERS = [ROOT / "lab" / "answers.md", ROOT / "lab" / "answers.zh-TW.md"]
READMES = [
    *LESSON,
    *LAB,
    *ANSWERS,
    ROOT / "CONTRIBUTING.md",
    *(ROOT / f"{name}/README.md" for name in ("benchmarks", "plots", "study")),
]
RUNS = {" ".join(command): run for run, command in speed.COMMANDS.items()}
STUDY, BENCHMARK = (pd.read_csv(ROOT / "results" / name) for name in ("runs.csv", "benchmark.csv"))

each_readme = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.relative_to(ROOT).as_posix())
each_lesson = pytest.mark.parametrize("readme", LESSON, ids=lambda path: path.name)
COPIES = {"my_mlp.py": "mlp.py", "my_mistakes.py": "mlp.py"}  # that a student makes of our scripts


def rows(text):
    """The rows of a README's tables, as lists of cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


@cache
def help_of(*command):
    """What `python COMMAND -h` prints, which is all that it does."""
    with tempfile.TemporaryDirectory() as folder:
        if command[0] == "-m":
            process = run_python(folder, *command, "-h", PYTHONPATH=str(ROOT))
        else:
            process = run_script(Path(folder), command[0], "-h")
        printed = process.stdout.removeprefix("Starting TensorFlow ...\n")
        assert process.returncode == 0 and printed.startswith("usage: "), process.stderr
        assert not os.listdir(folder)
    return process.stdout


def describe_seeds(experiment):
    accuracy = STUDY.query("experiment == @experiment")["test_accuracy"]
    return f"{accuracy.mean():.4f} ± {accuracy.std():.4f}"


@each_readme
def test_what_it_links_to_and_the_files_that_it_names_exist(readme):
    text = readme.read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)", text, re.M)}
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        file, _, heading = target.partition("#")
        assert (readme.parent / file).exists() if file else heading in headings, target
    for name in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|toml|md|css))`", text):
        assert (ROOT / name).exists() or (readme.parent / name).exists() or name in COPIES, name


@each_readme
def test_commands_exist_with_their_flags(readme, tensorflow):
    text = readme.read_text(encoding="utf-8")
    for line in re.findall(r"^python (.+)|`python ([^`]+)`", text, re.M):
        words = re.split(r"\s{2,}| #", line[0] or line[1])[0].split()
        command = words[:2] if words[0] == "-m" else words[:1]
        if command[-1] in ("venv", "pip", "pytest", "dask", "idlelib"):
            names = re.findall(r"requirements[\w-]*\.txt", " ".join(words))
            assert all((ROOT / name).exists() for name in names)
            continue
        for flag in [word for word in words if word.startswith("--")] or [""]:
            assert flag in help_of(*(COPIES.get(word, word) for word in command)), line


@each_lesson
def test_the_first_table_is_the_study_and_the_benchmark(readme):
    seconds = BENCHMARK.query("implementation == 'script'").groupby("run")["whole"].median()
    table = {row[0].removeprefix("`python ").strip("`"): row for row in rows(readme.read_text(encoding="utf-8"))[2:6]}
    assert table.keys() == RUNS.keys()
    for command, (_, _, claimed, ours, whole) in table.items():
        accuracy = deck.RUNS[RUNS[command]].accuracy
        assert claimed == (f"{accuracy:.4f}" if accuracy else "-")
        assert ours == describe_seeds(RUNS[command])
        assert whole == f"{seconds[RUNS[command]]:.0f}"


def test_the_answers_about_larger_filters_and_about_what_a_class_sees_are_the_studys():
    text = ANSWERS[0].read_text(encoding="utf-8")
    accuracies = STUDY.pivot(index="seed", columns="experiment", values="test_accuracy")
    for run, other in (("mlp_800", "mlp_256"), ("mlp_dropout_rate0.25", "mlp_dropout"), ("cnn_kernel5", "cnn")):
        assert f"`{run}` was above `{other}` with {sum(accuracies[run] > accuracies[other])}" in text
    assert f"{describe_seeds('cnn_kernel5')} for 5x5 and {describe_seeds('cnn')} for 3x3" in text


@pytest.mark.parametrize("both", [LESSON, LAB, ANSWERS], ids=["README", "lab", "answers"])
def test_both_languages_have_the_same_numbers_and_commands(both):
    found = []
    for readme in both:
        text = readme.read_text(encoding="utf-8")
        code = [block for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S) if not language]
        numbers = re.findall(r"\b\d+\.\d+\b", text)
        found.append((code, sorted(numbers), sorted(re.findall(r"`(python [^`]+)`", text))))
    assert found[0] == found[1]


@pytest.mark.parametrize("readme", [LESSON[1], LAB[1], ANSWERS[1]], ids=lambda path: path.name)
def test_chinese_has_full_width_punctuation(readme):
    prose = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "`", readme.read_text("utf-8"), flags=re.S)
    assert re.findall(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!][\u4e00-\u9fff]", prose) == []


def test_the_tables_of_the_study_are_its_summary():
    found, summary = (rows((ROOT / path).read_text("utf-8")) for path in ("study/README.md", "results/summary.md"))
    assert [row for row in found if "---" not in row[0]] == [row for row in summary if "---" not in row[0]]


def test_the_tables_of_speed_are_the_benchmarks():
    text = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    found = [row for row in rows(text) if row[0] in speed.COMMANDS]
    assert found == [row for row in rows(speed.format_table(BENCHMARK)) if row[0] in speed.COMMANDS]


def test_the_table_of_the_answers_is_what_the_exercises_gave():
    text = (ROOT / "lab" / "answers.md").read_text("utf-8")
    assert exercises.format_table(exercises.read_rows()) in text


def test_the_edits_that_the_lab_asks_for_work(tmp_path, tensorflow, without_figures):
    script = (ROOT / "mlp.py").read_text("utf-8")
    line = "labels, predictions = y_test.argmax(axis=1), probabilities.argmax(axis=1)"
    for readme in LAB:
        text = readme.read_text("utf-8")
        assert exercises.EDIT[0] in script and all(f"`{words}`" in text for words in (*exercises.EDIT, line))
        (lines,) = re.findall(r"^```\n(    .*?)^```", text, re.M | re.S)
        (tmp_path / "my_mistakes.py").write_text(script.replace(f"    {line}\n", f"    {line}\n{lines}"), "utf-8")
        process = run_script(tmp_path, "my_mistakes.py", *FAST)
        assert process.returncode == 0 and "5 read as 3, the numbers of the images: [" in process.stdout
        assert Image.open(tmp_path / "fives.png").width == 800


def test_the_benchmarks_table():
    measured = []
    for turn, (fit, whole) in enumerate([(10, 20), (20, 40), (30, 30)]):
        row = {"round": turn, "run": "mlp_256", "test_accuracy": 1, "versions": "keras 3"}
        measured.append(row | {"implementation": "plain_keras", "fit": 60, "whole": 120})
        measured.append(row | {"implementation": "script", "fit": fit, "whole": whole})
    plain, script = rows(speed.format_table(pd.DataFrame(measured)))[2:]
    assert plain == ["mlp_256", "plain_keras", "60.0 s (60.0-60.0)", "120.0 s (120.0-120.0)", "1.00", "1.00", "1.0000"]
    assert script == ["mlp_256", "script", "20.0 s (10.0-30.0)", "30.0 s (20.0-40.0)", "0.33", "0.25", "1.0000"]

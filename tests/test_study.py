"""The study: its rows, its claims, its report, and what this project has committed of it; Dask: test_study_cluster."""

import subprocess

import numpy as np
import pandas as pd
import pytest

import preprocess
from conftest import ROOT, make_row, read_metrics, run_script, succeed
from digits import training
from digits.deck import RUNS, TRAINING
from digits.errors import UserError
from digits.metrics import mean_interval, prediction_interval
from study import claims, experiments, report, schedule


@pytest.fixture
def working_folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rows_file(working_folder):
    """results/runs.csv with three finished runs, in a folder of its own."""
    for seed in (0, 1, 2):
        experiments.add_row(make_row(seed=seed, test_accuracy=0.97 + seed / 1000))
    return working_folder / experiments.ROWS


def test_rows_come_back_as_they_were_and_the_later_one_of_a_run_counts(rows_file):
    before = rows_file.read_text(encoding="utf-8")
    experiments.add_row(make_row("cnn", 7, test_accuracy=1 / 3))
    experiments.add_row(make_row(seed=1, test_accuracy=0.5))
    assert rows_file.read_text(encoding="utf-8").startswith(before)
    rows = experiments.read_rows()
    assert list(rows["seed"]) == [0, 2, 7, 1] and list(rows["test_accuracy"]) == [0.97, 0.972, 1 / 3, 0.5]
    assert list(rows) == experiments.COLUMNS and list(rows["host"]) == ["x"] * 4
    assert [path.name for path in rows_file.parent.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.971", "good", 3),
        ("0.971", "0.971,1", 3),
        ("0.971", "0.971\n", 3),  # as where a disk was full
        ("mlp_256,2", "mlp_255,2", 4),
        ("experiment,seed", "experiment", 1),
    ],
)
def test_a_damaged_line_is_named(rows_file, old, new, line):
    rows_file.write_text(rows_file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=rf"runs.csv.* line {line}\b"):
        experiments.read_rows()


def test_a_run_fills_its_row_unless_it_is_interrupted(tensorflow, monkeypatch):
    """The same seed gives the same numbers, whatever was trained before."""
    monkeypatch.setattr(experiments, "TRAINING_IMAGES", 400)  # the other 200 validate
    generator = np.random.default_rng(0)
    x, y = generator.random((600, 784), "float32"), preprocess.one_hot(generator.integers(0, 10, 600))
    data = (x, y), (x[:100], y[:100])
    first, other, again = (experiments.run_once("mlp_256", seed, data) for seed in (0, 1, 0))
    assert set(first) == set(experiments.COLUMNS) and first["threads"] == experiments.num_threads()
    numbers = [name for name in experiments.NUMBERS if name != "seconds"]
    assert [first[name] for name in numbers] == [again[name] for name in numbers]
    assert first["test_loss"] != other["test_loss"]
    real = training.fit
    monkeypatch.setattr(training, "fit", lambda *arguments, **options: real(*arguments, **options | {"epochs": 1}))
    with pytest.raises(KeyboardInterrupt):
        experiments.run_once("mlp_256", 0, data)


def test_the_commit_tells_whether_python_files_have_changed(tensorflow, tmp_path, monkeypatch):
    def read_commit(changed):
        with (tmp_path / changed).open("a", encoding="utf-8") as file:
            file.write("changed\n")
        return experiments.code_version.__wrapped__("cnn")["commit"]

    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    assert read_commit("cnn.py") == "unknown"
    author = ["-c", "user.name=A", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *author, *command], cwd=tmp_path, check=True)
    commit = read_commit("README.md")
    assert len(commit) == 12 and read_commit("cnn.py") == commit + "+"
    (tmp_path / "unpacked").mkdir()  # a ZIP of the project inside another repository
    monkeypatch.setattr(experiments, "ROOT", tmp_path / "unpacked")
    assert experiments.code_version.__wrapped__("cnn")["commit"] == "unknown"


@pytest.mark.parametrize(  # from any table of Student's t: the number of values, the confidence, the quantile
    ("n", "confidence", "quantile"), [(2, 0.95, 12.706), (5, 0.9, 2.132), (10, 0.99, 3.250), (20, 0.95, 2.093)]
)
def test_the_intervals_are_students(n, confidence, quantile):
    values = np.arange(n) + 7.0
    deviation = np.sqrt(n * (n + 1) / 12)  # of n consecutive whole numbers
    for interval, share in ((mean_interval, 1 / n), (prediction_interval, 1 + 1 / n)):
        error = quantile * deviation * np.sqrt(share)
        expected = [values.mean() - error, values.mean() + error]
        np.testing.assert_allclose(interval(values, confidence), expected, atol=0.0005 * error)


@pytest.mark.parametrize(
    ("accuracies", "percentile", "verdict"),
    [
        ([0.98, 0.99, 0.98, 0.99], "0", "does not hold"),
        ([0.97, 0.9762, 0.98, 0.99], "38", "holds"),
        ([0.96, 0.97, 0.96, 0.97], "100", "does not hold"),
        ([0.9762], "50", "undecided"),
    ],
)
def test_the_decks_number_is_judged_by_its_percentile(accuracies, percentile, verdict):
    (claim,) = claims.judge_references(pd.DataFrame({"experiment": "mlp_256", "test_accuracy": accuracies}))
    assert f"at percentile {percentile}" in claim.measured and claim.verdict == verdict
    assert claim.mean == np.mean(accuracies) and claim.seeds == len(accuracies)
    assert claim.slides == "12" and claim.statement == "MLP 256 reaches 0.9762"


@pytest.fixture
def rows():
    """Five seeds of some experiments; the gap and the test accuracy of each are known."""
    gaps = {"mlp_256": 0.01, "mlp_800": 0.02, "mlp_dropout": 0.03, "cnn": 0.0, "mlp_800_of_24000": 0.04}
    accuracies = {"mlp_256": 0.97, "mlp_800": 0.97, "mlp_dropout": 0.98, "cnn": 0.99, "mlp_800_of_24000": 0.9}
    rows = pd.DataFrame([(name, seed) for name in gaps for seed in range(5)], columns=["experiment", "seed"])
    rows["test_accuracy"] = rows["experiment"].map(accuracies) + rows["seed"] / 1000
    rows["gap"] = rows["experiment"].map(gaps)
    rows.loc[:4, "gap"] += [0.001, -0.001, 0.001, -0.001, 0.001]  # of mlp_256
    return rows


def test_the_differences_are_judged_seed_by_seed(rows):
    found = {claim.statement: (claim.verdict, claim.mean) for claim in claims.judge_differences(rows)}
    assert found == {
        "800 hidden units overfit more than 256": ("holds", pytest.approx(0.0098)),
        "800 hidden units reach a higher test accuracy": ("undecided", pytest.approx(0)),
        "Dropout(0.5) lowers overfitting": ("does not hold", pytest.approx(-0.01)),
        "48000 images overfit less than 24000": ("holds", pytest.approx(0.02)),
        "the CNN beats MLP 256": ("holds", pytest.approx(0.02)),
        "the CNN beats MLP 800": ("holds", pytest.approx(0.02)),
        "the CNN beats Dropout(0.5)": ("holds", pytest.approx(0.01)),
    }  # and nothing of experiments without a seed
    claim = claims.judge_differences(rows.drop(index=15))[4]  # without seed 0 of the CNN
    assert claim.statement == "the CNN beats MLP 256"
    assert claim.seeds == 4 and claim.mean == pytest.approx(0.02) and claim.high - claim.low < 1e-9
    assert {claim.verdict for claim in claims.judge_differences(rows.query("seed == 0"))} == {"undecided"}


def test_the_grid_leaves_out_what_is_done_and_with_again_only_what_this_code_has_done(working_folder, monkeypatch):
    for row in (make_row(), make_row(seed=1, code="old", commit="abc"), make_row(seed=2, code="old", commit="abc")):
        experiments.add_row(row)
    missing, flags = [], ["--seeds", "5", "--experiments", "mlp_256", "cnn"]
    monkeypatch.setattr(schedule, "train_missing", lambda args, pairs: missing.append(pairs))
    out = succeed(run_script(working_folder, "reproduce.py", *flags))
    assert "computed by other code: 2 by that of commit abc; --again" in out and "10 runs, 7 of them to do" in out
    assert "10 runs, 9 of them to do" in run_script(working_folder, "reproduce.py", *flags, "--again").stdout
    assert missing[0] == [pair for pair in missing[1] if pair not in (("mlp_256", 1), ("mlp_256", 2))]


def test_the_report_has_what_there_is(working_folder, capsys):
    report.write_report(pd.DataFrame([make_row("mlp_800_of_3000")]))  # one seed: neither figures nor intervals
    out = capsys.readouterr().out
    assert "nan" not in out and "()" not in out and out.endswith("summary.html\n") and "| 0.5000 | " in out
    rows = [make_row(name, seed) for name in ("mlp_256", "cnn", "mlp_800") for seed in range(3)]
    report.write_report(pd.DataFrame(rows))
    assert capsys.readouterr().out.endswith("summary.html, plots/study/accuracy.png, plots/study/claims.png\n")
    report.write_report(pd.DataFrame([*rows, make_row("mlp_800_of_3000", commit="abc")]))
    markdown = report.MARKDOWN.read_text(encoding="utf-8")
    assert markdown.startswith("# The study\n\nComputed: 9 runs by commit x ") and "; 1 runs by commit abc" in markdown


def test_the_committed_study_is_whole_and_gives_its_tables_in_whatever_order_its_runs_ended(working_folder):
    experiments.ROWS.parent.mkdir()
    header, *lines = (ROOT / experiments.ROWS).read_text(encoding="utf-8").splitlines()
    experiments.ROWS.write_text("\n".join([header, *reversed(lines), ""]), encoding="utf-8")
    rows = experiments.read_rows()
    assert len(rows) == 200 and rows[["commit", "threads"]].nunique().tolist() == [1, 1]
    assert "+" not in rows["commit"][0]
    out = succeed(run_script(working_folder, "reproduce.py"))
    assert "200 runs, 0 of them to do\nThey are in results" in out
    for path in (report.MARKDOWN, report.HTML):
        assert path.read_bytes() == (ROOT / path).read_bytes()
    assert len(list(report.PLOTS.iterdir())) == 2


def test_a_run_of_the_study_is_the_scripts_run(working_folder, tensorflow, monkeypatch, without_figures):
    monkeypatch.setattr(experiments, "EPOCHS", 1)
    row = experiments.run_once("mlp_256", 0, preprocess.load_data())
    succeed(run_script(working_folder, "mlp.py", "--seed", "0", "--epochs", "1"))
    metrics = read_metrics(working_folder, "mlp_256_epochs1_seed0")
    for name in ("test_accuracy", "train_accuracy", "validation_accuracy"):
        assert row[name] == metrics[name], name
    assert row["test_loss"] == pytest.approx(metrics["test_loss"], rel=1e-4)


def test_the_default_seed_is_the_most_typical_of_the_studys():
    """Of the largest distances, over the deck's runs, from the means of test accuracy and gap, its is the smallest."""
    rows = pd.read_csv(ROOT / experiments.ROWS)
    rows = rows[rows["experiment"].isin(list(RUNS))].copy()
    rows["gap"] = rows["train_accuracy"] - rows["validation_accuracy"]
    values = rows.set_index("seed").groupby("experiment")[["test_accuracy", "gap"]]
    distances = values.transform(lambda column: (column - column.mean()).abs() / column.std())
    largest = distances.max(axis=1).groupby("seed").max()
    assert largest.idxmin() == TRAINING["seed"] and largest.min() == pytest.approx(0.743, abs=0.001)

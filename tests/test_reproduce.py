"""reproduce.py: its grid, its estimate, its tables and figures, and the study that this project has committed."""

from xml.etree import ElementTree

import pandas as pd
import pytest

from conftest import ROOT, make_row, read_metrics, run_script
from digits.deck import RUNS, TRAINING
from study import experiments, report, schedule


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_grid_leaves_out_what_is_done_and_with_again_only_what_this_code_has_done(folder):
    for row in (make_row(), make_row(seed=1, code="old", commit="abc"), make_row(seed=2, code="old", commit="abc")):
        experiments.add_row(row)
    flags = ["--dry-run", "--seeds", "5", "--experiments", "mlp_256", "cnn"]
    process = run_script(folder, "reproduce.py", *flags)
    assert process.returncode == 0 and process.stderr == ""
    assert "computed by other code: 2 by that of commit abc; --again" in process.stdout
    assert "10 runs, 7 of them to do" in process.stdout
    assert "slide 12, 2 to do" in process.stdout and "slide 29, 5 to do" in process.stdout
    assert "10 runs, 9 of them to do" in run_script(folder, "reproduce.py", *flags, "--again").stdout
    assert len(experiments.read_rows()) == 3


def test_the_estimate_goes_by_the_rows_that_are_there(folder):
    for seed, seconds, threads in ((0, 0.5, 1), (1, 0.7, 1), (2, 1000, 4)):
        experiments.add_row(make_row(seed=seed, seconds=seconds, threads=threads))
    missing = [("mlp_256", 3), ("mlp_256", 4), ("cnn", 0)]
    expected = (2 * 0.6 + experiments.EXPERIMENTS["cnn"].seconds) / 60
    assert schedule.estimate_minutes(missing, experiments.read_rows(), threads=1) == pytest.approx(expected)


def test_the_report_has_what_there_is_and_the_same_tables_in_markdown_and_html(folder, capsys):
    rows = [make_row(name, seed, test_accuracy=0.95) for name in ("mlp_256", "cnn", "mlp_800") for seed in range(3)]
    report.write_report(pd.DataFrame(rows))
    assert capsys.readouterr().out.endswith("summary.html, plots/study/accuracy.png, plots/study/claims.png\n")
    report.write_report(pd.DataFrame([make_row("mlp_800_of_3000")]))  # one seed: neither figures nor intervals
    out = capsys.readouterr().out
    assert "nan" not in out and "()" not in out and out.endswith("summary.html\n") and "| 0.5000 | " in out
    report.write_report(pd.DataFrame([*rows, make_row("mlp_800_of_3000", commit="abc")]))
    assert [path.name for path in sorted(report.PLOTS.iterdir())] == ["accuracy.png", "claims.png", "sizes.png"]
    markdown = report.MARKDOWN.read_text(encoding="utf-8")
    html = ElementTree.fromstring(f"<page>{report.HTML.read_text(encoding='utf-8')}</page>")
    assert markdown.startswith("# The study\n\nComputed: 9 runs by commit x ") and "; 1 runs by commit abc" in markdown
    assert len(html.findall("table")) == 2
    lines = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells == [[cell.text for cell in row] for row in html.iter("tr")]
    assert cells[1][2:4] == ["0.9500 ± 0.0000", "0.9500 to 0.9500"]  # and not 0.95
    assert [row[0] for row in cells[1:5]] == ["mlp_256", "mlp_800", "cnn", "mlp_800_of_3000"]


def test_the_committed_study_is_whole_and_gives_its_tables_in_whatever_order_its_runs_ended(folder):
    experiments.ROWS.parent.mkdir()
    header, *lines = (ROOT / experiments.ROWS).read_text(encoding="utf-8").splitlines()
    experiments.ROWS.write_text("\n".join([header, *reversed(lines), ""]), encoding="utf-8")
    rows = experiments.read_rows()
    assert len(rows) == 200 and rows[["commit", "threads"]].nunique().tolist() == [1, 1]
    assert "+" not in rows["commit"][0]
    process = run_script(folder, "reproduce.py")
    assert process.returncode == 0 and process.stderr == ""
    assert "200 runs, 0 of them to do\nThey are in results" in process.stdout
    for path in (report.MARKDOWN, report.HTML):
        assert path.read_bytes() == (ROOT / path).read_bytes()
    assert len(list(report.PLOTS.iterdir())) == 3


@pytest.mark.slow
def test_a_run_of_the_study_is_the_scripts_run(folder):
    flags = ["--workers", "1", "--experiments", "mlp_256", "--seeds", "1"]
    assert run_script(folder, "reproduce.py", *flags).returncode == 0
    assert run_script(folder, "mlp.py", "--seed", "0").returncode == 0
    (row,) = pd.read_csv(experiments.ROWS).to_dict("records")
    metrics = read_metrics(folder, "mlp_256_seed0")
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

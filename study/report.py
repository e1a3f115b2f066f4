"""The report of the study: the rows of results/runs.csv as tables, in Markdown and HTML, and as figures."""

from pathlib import Path

from digits import deck
from digits.files import atomic_write
from study import claims, experiments, figures
from study.experiments import EXPERIMENTS

MARKDOWN, HTML = Path("results/summary.md"), Path("results/summary.html")
PLOTS = Path("plots/study")


def describe_code(rows):
    """Return a sentence that says which code and which libraries have computed the rows of runs.csv."""
    counts = rows.groupby(["commit", "tensorflow", "keras"], sort=False).size()
    parts = [
        f"{count} runs by commit {commit} with TensorFlow {tensorflow} and Keras {keras}"
        for (commit, tensorflow, keras), count in counts.items()
    ]
    return f"Computed: {'; '.join(parts)}."


def format_markdown(table):
    """Return a DataFrame of texts as a table in Markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def write_report(rows):
    """Write the tables, draw the figures, and print the tables and where everything is."""
    order = list(EXPERIMENTS).index  # in the file, the rows are in the order in which the runs ended
    rows = rows.sort_values("seed").sort_values("experiment", key=lambda names: names.map(order), kind="stable")
    rows = rows.assign(gap=rows["train_accuracy"] - rows["validation_accuracy"])
    tables = [table for table in (claims.experiment_table(rows), claims.claim_table(rows)) if len(table)]
    source = describe_code(rows)
    markdown = "\n\n".join(["# The study", source, *map(format_markdown, tables)])
    html = "\n".join([f"<p>{source}</p>", *(table.to_html(index=False, border=0) for table in tables)])
    for path, text in ((MARKDOWN, markdown), (HTML, html)):
        with atomic_write(path) as part:
            part.write_text(text + "\n", encoding="utf-8")
    print("Drawing the figures ...", flush=True)
    figures_written = "".join(f", {path}" for path in plot_study(rows))
    print(f"\n{markdown}\n\nWritten: {experiments.ROWS}, {MARKDOWN}, {HTML}{figures_written}")


def plot_study(rows):
    """Draw the figures that these rows allow into plots/study/; return their paths."""
    groups = dict(list(rows.groupby("experiment", sort=False)))
    full = [name for name in groups if EXPERIMENTS[name].images == experiments.TRAINING_IMAGES]
    differences = {}  # by what is measured
    for claim in claims.judge_differences(rows):
        differences.setdefault(claim.measured.partition(",")[0], []).append(claim)
    paths = []
    if full:
        accuracies = {EXPERIMENTS[name].title: groups[name]["test_accuracy"] for name in full}
        references = {run.title: run.accuracy for name, run in deck.RUNS.items() if name in full and run.accuracy}
        title = "Test accuracy of every seed and of the deck's runs" if references else "Test accuracy of every seed"
        paths.append(figures.plot_seeds(accuracies, PLOTS / "accuracy.png", title, "test accuracy", references))
    if differences:
        title = "Do the deck's claims hold?\n"
        title += "Blue: yes, the whole bar lies right of 0. Orange: no, it lies left of 0. Grey: undecided"
        paths.append(figures.plot_claims(differences, PLOTS / "claims.png", title))
    return paths

"""What came out, beside what the deck says: in the terminal, as a table, and as the page plots/index.html."""

import html
import math
import time
from pathlib import Path

import deck
import figures
import saved
import script
import train

PLOTS, SUMMARY = Path("plots"), Path("results/summary.md")

# What each picture shows, and on which slides the deck shows it.
CAPTIONS = {
    "accuracy": "Slides 11-13, 17: accuracy and loss after each epoch, training against validation",
    "confusion_matrix": "Slides 18-19: the confusion matrix, with recall and precision of each digit",
    "predictions": "Slide 8: what the network reads in the first test digits",
    "mistakes": "The surest mistakes",
    "feature_maps": "Slide 27: one test digit on its way through the network",
    "filters": "Slides 22 and 28: the filters that the network has learned",
    "hidden_neurons": "Slide 7: what the hidden neurons look at",
    "learning_curves": "Slides 12, 13, 17, 29: overfitting and its cure",
    "disagreements": "Slide 29: the digits that only one of the two networks reads",
    "study/accuracy": "Slides 12 and 29: the test accuracy of every seed, and the deck's",
    "study/gap": "Slides 13-17: overfitting of every seed",
    "study/curves": "Slides 12, 13, 17, 29: the learning curves of all seeds",
    "study/sizes": "Slide 14: more training pictures against overfitting",
    "layers/convolution": "Slides 22-23: a convolution worked by hand",
    "layers/max_pooling": "Slides 24-26: max pooling worked by hand",
}
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MNIST, the lecture made executable</title>
<link rel="icon" href="data:,">
"""
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #8886; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.text td, .text th { text-align: left; }
figure { margin: 1.5rem 0; break-inside: avoid; }
img { max-width: 100%; height: auto; background: white; border-radius: 6px; }
figcaption { font-size: 0.9rem; opacity: 0.8; }
@media print {
  body { max-width: none; font-size: 11px; }
  table { font-size: 9px; }
  .wide { overflow: visible; }
  h2, h2 + p { break-after: avoid; }
  img { max-height: 22cm; }
}
"""


def result(run, show=False):
    """Print a training's result beside the deck's, and where its files are; with `show`, open its pictures.

    Adds `total_seconds`, since the script's start, to metrics.json.
    """
    metrics, _ = saved.read(run)
    metrics["total_seconds"] = round(time.perf_counter() - script.STARTED, 2)
    train.write_json(train.MODELS / run / "metrics.json", metrics)
    accuracy, said = metrics["test_accuracy"], deck.RUNS.get(run)
    loss = math.nan if metrics["test_loss"] is None else metrics["test_loss"]
    print(f"\n{run}: test accuracy {accuracy:.4f}, test loss {loss:.4f}")
    if metrics["dataset"] != "mnist":
        print("SYNTHETIC digits, not MNIST: this says nothing about the deck.")
    elif said and said.accuracy:
        low, high = said.band
        place = "inside" if low <= accuracy <= high else "outside"
        print(f"The deck (slide {said.slide}): {said.accuracy:.4f}, so {accuracy - said.accuracy:+.4f}.")
        print(f"By the study's 20 seeds, 99 of 100 runs lie between {low:.4f} and {high:.4f}: this run is {place}.")
    if metrics["validation_accuracy"] is not None:
        gap = metrics["train_accuracy"] - metrics["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    start, fit, total = (metrics[f"{name}_seconds"] for name in ("start", "fit", "total"))
    rest = total - start - fit
    print(f"{total:.1f} seconds: {start:.1f} to start, {fit:.1f} to train, {rest:.1f} to evaluate and draw")
    pictures = sorted((PLOTS / run).glob("*.png"))
    print(f"Written: {train.MODELS / run}/ (model.keras, history.csv, metrics.json)")
    print(f"         {PLOTS / run}/ ({', '.join(picture.name for picture in pictures)})")
    if show:
        figures.show(pictures)


def table(runs):
    """Return a data frame, a row a run: the deck's test accuracy, ours, and how far training left validation behind."""
    import pandas as pd

    rows = []
    for run in runs:
        metrics, _ = saved.read(run)
        said = deck.RUNS.get(run, deck.Run(None))
        rows.append(
            {
                "run": run,
                "slide": said.slide,
                "deck": said.accuracy,
                "test accuracy": metrics["test_accuracy"],
                "difference": said.accuracy and metrics["test_accuracy"] - said.accuracy,
                "training": metrics["train_accuracy"],
                "validation": metrics["validation_accuracy"],
            }
        )
    rows = pd.DataFrame(rows)
    rows["training - validation"] = rows["training"] - rows["validation"].astype(float)
    return rows.astype({"slide": "Int64"})


def page():
    """Write plots/index.html: the table against the deck, every saved run, the study; return its path.

    The page needs nothing but the pictures beside it. A run that can't be read is left out.
    """
    runs = [run for run in saved.runs() if evaluated(run)]
    parts = [
        "<h1>MNIST, the lecture made executable</h1>",
        "<p>The runs that are saved in models/, beside what the lecture (the deck) says of them.</p>",
        table_html(table(runs)),
        *map(picture, ("learning_curves", "disagreements")),
    ]
    for run in runs:
        parts += [f"<h2>{html.escape(run)}</h2>", f"<p>{html.escape(facts(run))}</p>"]
        parts += [picture(name, run) for name in CAPTIONS]
    parts += ["<h2>The study: many seeds of every experiment</h2>", study_html()]
    parts += [picture(name) for name in CAPTIONS if name.startswith("study/")]
    parts += ["<h2>Worked by hand</h2>", *map(picture, ("layers/convolution", "layers/max_pooling"))]
    body = "\n".join(part for part in parts if part)
    path = PLOTS / "index.html"
    with script.whole_file(path) as part:
        part.write_text(f"{HEAD}<style>{STYLE}</style>\n<main>\n{body}\n</main>\n</html>\n", encoding="utf-8")
    return path


def evaluated(run):
    """Return whether a saved run can be read and has been evaluated."""
    try:
        return "test_accuracy" in saved.read(run)[0]
    except OSError:
        return False


def facts(run):
    """Return the numbers of a saved run as a sentence."""
    metrics, _ = saved.read(run)
    loss = "not a number" if metrics["test_loss"] is None else f"{metrics['test_loss']:.4f}"
    source = "" if metrics["dataset"] == "mnist" else "SYNTHETIC digits, not MNIST. "
    return (
        f"{source}Test accuracy {metrics['test_accuracy']:.4f}, test loss {loss}; {metrics['parameters']} parameters, "
        f"{metrics['epochs']} epochs, seed {metrics['seed']}, {metrics['fit_seconds']:.0f} seconds of training "
        f"on {metrics['device']}."
    )


def picture(name, run=""):
    """Return the HTML of the picture `name` of CAPTIONS, of a run or of all; "" where there is no such file."""
    path = Path(run, f"{name}.png")
    if not (PLOTS / path).exists():
        return ""
    source, caption = html.escape(path.as_posix()), html.escape(CAPTIONS[name])
    alternative = f"{html.escape(run)}: {caption}" if run else caption
    image = f'<a href="{source}"><img src="{source}" alt="{alternative}"></a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def table_html(frame, kind=""):
    """Return a data frame as HTML that can be scrolled on a narrow screen."""
    content = frame.to_html(index=False, border=0, na_rep="-", float_format="{:.4f}".format)
    return f'<div class="wide {kind}">{content}</div>'


def study_html():
    """Return the tables of results/summary.md as HTML."""
    import pandas as pd

    if not SUMMARY.exists():
        return "<p>It has not run yet: <code>python reproduce.py</code> makes it.</p>"
    blocks = SUMMARY.read_text(encoding="utf-8").split("\n\n")
    tables = [[line.strip("| ").split(" | ") for line in block.splitlines()] for block in blocks if block[0] == "|"]
    return "".join(table_html(pd.DataFrame(rows, columns=head), "text") for head, _, *rows in tables)

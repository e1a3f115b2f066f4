"""plots/index.html: every saved run beside the deck, the study, the worked examples, on one page that works offline."""

import json
import re
from html import unescape
from pathlib import Path

from digits.pages.template import read, write_page

STUDY_TABLES = Path("results/summary.html")  # written by reproduce.py
GALLERY = "gallery/"  # in plots/: the figures that come with this project

# The figures that do not belong to a run. Each figure has a caption in text.json, which says what it shows.
STUDY_FIGURES = ["study/accuracy", "study/claims"]
WORKED_EXAMPLES = ["layers/convolution", "layers/max_pooling"]


def write_index(path, all_runs, table, comparisons, figures):
    """Write plots/index.html, with the figures that lie beside it.

    Args:
        path: of the HTML file.
        all_runs: a list of `runs.Run`, evaluated.
        table: DataFrame, the runs beside the deck.
        comparisons: the paths of figures in plots/ that compare these runs.
        figures: the names of a run's figures, in order.
    """
    folder, text = path.parent, json.loads(read("index/text.json"))
    for translations in text.values():
        for run in all_runs:
            translations |= describe_run(run, translations)
    study = STUDY_TABLES.read_text(encoding="utf-8") if STUDY_TABLES.exists() else ""
    write_page(
        path,
        "index/index.html.j2",
        text=text,
        table=mark_texts(table.to_html(index=False, border=0, na_rep="-", float_format="{:.4f}".format), text),
        runs=[
            (run, (folder / run.name / "draw.html").exists(), list_figures(folder, figures, f"{run.name}/"))
            for run in all_runs
        ],
        comparisons=list_figures(folder, [figure.stem for figure in comparisons]),
        study=mark_texts(study, text),
        study_figures=list_figures(folder, STUDY_FIGURES) or list_figures(folder, STUDY_FIGURES, GALLERY),
        worked_examples=list_figures(folder, WORKED_EXAMPLES) or list_figures(folder, WORKED_EXAMPLES, GALLERY),
    )


def describe_run(run, text):
    """Return the texts of a run in one language, a dict: what it is, and the link to its page."""
    metrics, reference, loss = run.metrics, run.reference, run.metrics.get("test_loss")
    numbers = {"accuracy": f"{metrics['test_accuracy']:.4f}", "loss": "-" if loss is None else f"{loss:.4f}"}
    seed = "-" if metrics["seed"] is None else metrics["seed"]
    result = text["result"].format_map(metrics | numbers | {"seed": seed, "device": translate(metrics["device"], text)})
    title = reference and text.get(reference.title, reference.title)
    slide = text["inDeck"].format(title=title, slide=reference.slide) if reference else ""
    return {f"run-{run.name}": slide + result, f"draw-{run.name}": text["draw"].format(name=run.name)}


def translate(words, text):
    """Return English words in the language of `text`, whose phrases are regular expressions."""
    for pattern, replacement in text.get("phrases", {}).items():
        words = re.sub(pattern, replacement, words)
    return words


def mark_texts(html, texts):
    """Return tables and paragraphs whose words the page can translate, for a template; `texts` then has the words."""
    from markupsafe import Markup

    def mark(match):
        tag, words = match[1], unescape(match[2])
        chinese = translate(words, texts["zh-TW"])
        if chinese != words:
            texts["en"][words], texts["zh-TW"][words] = words, chinese
        elif tag != "th" or words not in texts["en"]:
            return match[0]
        return f'<{tag} data-text="{match[2]}">{match[2]}'

    return Markup(re.sub(r"<(th|td|p)>([^<]+)", mark, html))


def list_figures(plots, names, folder=""):
    """Return (name, source) of the figures of these names that are in `folder` (with a slash at its end) in plots/."""
    return [(name, f"{folder}{name}.png") for name in names if (plots / f"{folder}{name}.png").exists()]

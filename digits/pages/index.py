"""plots/index.html: every saved run beside the deck, the study, the worked examples, on one page that works offline."""

from pathlib import Path

from digits.pages.template import write_page

STUDY_TABLES = Path("results/summary.html")  # written by reproduce.py
GALLERY = "gallery/"  # in plots/: the figures that come with this project

# What each figure shows, and on which slides the deck shows it.
RUN_FIGURES = {
    "network": "Slides 7, 16, 20-21, 28: the network, with the shape and the parameters of each layer",
    "accuracy": "Slides 11-13, 17: accuracy and loss of each epoch, in training and in validation",
    "confusion_matrix": "Slides 18-19: the confusion matrix, with recall and precision of each digit, and accuracy",
    "predictions": "Slide 8: predictions for test images, easy and hard ones",
    "mistakes": "Misclassified test images, most confident first",
    "feature_maps": "Slide 27: activations of every layer for one test image",
    "filters": "Slides 22 and 28: the filters that the first convolution has learned",
    "hidden_neurons": "Slide 7: first-layer weights of the strongest hidden units",
}
COMPARISONS = {
    "learning_curves": "Slides 12, 13, 17, 29: overfitting and its remedies",
    "disagreements": "Slide 29: how often the MLP and the CNN are correct, and images that only one of them gets right",
}
STUDY_FIGURES = {
    "study/accuracy": "Slides 12 and 29: the test accuracy of every seed, and the deck's",
    "study/claims": "Slides 13-17 and 29: the deck's claims, the mean difference over the seeds and its 95% interval",
    "study/sizes": "Slide 14: more training images against overfitting",
}
WORKED_EXAMPLES = {
    "layers/convolution": "Slides 22-23: a convolution worked by hand",
    "layers/max_pooling": "Slides 24-26: max pooling worked by hand",
}


def write_index(path, all_runs, table):
    """Write plots/index.html, with the figures that lie beside it.

    Args:
        path: of the HTML file.
        all_runs: a list of `runs.Run`, evaluated.
        table: DataFrame, the runs beside the deck.
    """
    from markupsafe import Markup

    folder = path.parent
    study = STUDY_TABLES.read_text(encoding="utf-8") if STUDY_TABLES.exists() else ""
    write_page(
        path,
        "index.html.j2",
        table=Markup(table.to_html(index=False, border=0, na_rep="-", float_format="{:.4f}".format)),
        runs=[
            (
                run,
                run.reference,
                (folder / run.name / "draw.html").exists(),
                list_figures(folder, RUN_FIGURES, f"{run.name}/", f"{run.name}: "),
            )
            for run in all_runs
        ],
        comparisons=list_figures(folder, COMPARISONS),
        study=Markup(study),
        study_figures=list_figures(folder, STUDY_FIGURES) or list_figures(folder, STUDY_FIGURES, GALLERY),
        worked_examples=list_figures(folder, WORKED_EXAMPLES) or list_figures(folder, WORKED_EXAMPLES, GALLERY),
    )


def list_figures(plots, captions, folder="", subject=""):
    """Return (source, alternative text, caption) of the figures in plots/<folder> that are there.

    Args:
        plots: the path of plots/.
        captions: a dict of a figure's name to its caption.
        folder: in plots/, with a slash at its end.
        subject: leads the alternative text.
    """
    figures = [(f"{folder}{name}.png", f"{subject}{caption}", caption) for name, caption in captions.items()]
    return [figure for figure in figures if (plots / figure[0]).exists()]

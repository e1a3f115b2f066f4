"""The page plots/index.html: its numbers are those of metrics.json, and a browser shows every figure on it."""

import json
import re
import shutil

import pytest
from PIL import Image

from conftest import ROOT, read_metrics, run_script
from digits import results

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
RUNS = ["mlp_256", "cnn", "cnn_dryrun_synthetic", "mlp_256_dryrun_synthetic"]


@pytest.fixture(scope="module")
def site(tmp_path_factory, trained_folder):
    """A folder with small runs of an MLP and of the CNN, the worked examples, and the page."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(trained_folder / "models", folder / "models")
    shutil.copytree(ROOT / "plots/gallery/layers", folder / "plots/layers")
    # As if these two were the deck's: all figures are then drawn.
    for old, new in {"mlp_256_dryrun_synthetic": "mlp_256", "cnn_dryrun_synthetic": "cnn"}.items():
        shutil.copytree(folder / "models" / old, folder / "models" / new)
        change_metrics(folder, new, lambda metrics: metrics.update(deck_model=True))
    change_metrics(folder, "cnn_dryrun_synthetic", lambda metrics: metrics["flags"].update(digit=4))
    (folder / "results").mkdir()
    (folder / "results/summary.html").write_text("<table><tr><td>x &lt; y</td></tr></table>", encoding="utf-8")
    process = run_script(folder, "evaluate.py")
    assert process.returncode == 0 and process.stderr == "" and "plots/index.html" in process.stdout
    return folder


def change_metrics(folder, run_name, change):
    """Call `change` with the content of a run's metrics.json, and write what it left."""
    metrics = read_metrics(folder, run_name)
    change(metrics)
    (folder / "models" / run_name / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


def cells(text):
    """The first table of a page: a dict of its first column to a dict of the others."""
    table = text[text.index("<table") : text.index("</table>")]
    head = re.findall("<th>(.*?)</th>", table)
    rows = [re.findall("<td>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    return {row[0]: dict(zip(head, row)) for row in rows if row}


def test_every_run_and_the_study_are_there_and_nothing_comes_from_elsewhere(site):
    text = (site / "plots/index.html").read_text(encoding="utf-8")
    table = cells(text)
    assert list(table) == RUNS
    columns = {"test accuracy": "test_accuracy", "training": "train_accuracy", "validation": "validation_accuracy"}
    for name, row in table.items():
        assert f"<h2>{name}</h2>" in text
        for column, key in columns.items():
            assert row[column] == f"{read_metrics(site, name)[key]:.4f}"
    assert table["cnn"]["deck"] == "0.9902" and table["cnn"]["slide"] == "29"
    assert table["cnn_dryrun_synthetic"]["deck"] == "-"
    assert "SYNTHETIC digits, not MNIST" in text and "CNN (slide 29)" in text
    assert "<td>x &lt; y</td>" in text and "python reproduce.py" not in text  # the study
    assert "http" not in text and "<script" not in text
    for source in re.findall('(?:src|href)="(.*?)"', text):
        assert source == "data:," or (site / "plots" / source).exists()


def test_damaged_runs_are_left_out_and_what_comes_from_the_others_is_escaped(site, tmp_path, monkeypatch):
    shutil.copytree(site / "models", tmp_path / "models")
    (tmp_path / "models/cnn/metrics.json").write_text("{", encoding="utf-8")
    change_metrics(tmp_path, "cnn_dryrun_synthetic", lambda metrics: metrics.pop("test_accuracy"))  # never evaluated
    change_metrics(tmp_path, "mlp_256", lambda metrics: metrics.update(device="<b>GPU</b> & more"))
    (tmp_path / "models/mlp_256").rename(tmp_path / "models/mine & yours")
    monkeypatch.chdir(tmp_path)
    text = results.write_index().read_text(encoding="utf-8")
    names = ["mine &amp; yours", "mlp_256_dryrun_synthetic"]
    assert re.findall("<h2>(.*?)</h2>", text)[:2] == list(cells(text)) == names and "cnn" not in text
    assert "trained on &lt;b&gt;GPU&lt;/b&gt; &amp; more" in text and "<b>" not in text
    assert "<code>python reproduce.py</code> makes it" in text  # the study, of which there is nothing here


def test_the_digit_that_goes_through_the_network_can_be_chosen(trained_folder, site):
    run_name = "cnn_dryrun_synthetic"
    assert read_metrics(trained_folder, run_name)["flags"]["digit"] == 3  # the site's is 4
    for figure, same in {"filters.png": True, "feature_maps.png": False}.items():
        old, new = (Image.open(folder / "plots" / run_name / figure).tobytes() for folder in (trained_folder, site))
        assert (old == new) is same, figure


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: it is not installed")
def test_a_browser_shows_every_figure_and_has_no_complaint(site):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: requirements-dev.txt installs it")
    complaints = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM)
        for width in (500, 1280):
            shown = browser.new_page(viewport={"width": width, "height": 900})
            shown.on("console", lambda message: complaints.append(message.text))
            shown.goto((site / "plots/index.html").as_uri())
            images = shown.evaluate("[...document.images].map(image => [image.src, image.naturalWidth, image.alt])")
            assert len(images) == (site / "plots/index.html").read_text(encoding="utf-8").count("<img ") > 20
            for source, natural_width, alternative in images:
                assert natural_width > 500 and alternative, source
            assert shown.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
    assert complaints == []

"""plots/index.html: every saved run beside the deck, the study, both languages; in a real browser too."""

import json
import re
import shutil

import pytest

from conftest import ROOT, find_violations, read_metrics, run_script
from digits import report

MLP = "my_mlp"
# The words on the Chinese page that are not Chinese.
NAMES = {"CNN", "CPU", "Dropout", "English", "GPU", "Keras", "MLP", "MNIST", "Max", "Pool", "TensorFlow"}
NAMES |= {"cnn", "commit", "epoch", "models", "overfitting", "precision", "recall"}


@pytest.fixture(scope="module")
def site(tmp_path_factory, trained_folder):
    """A folder with small runs of an MLP and of the CNN, the worked examples, and the page."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "plots/gallery/layers", folder / "plots/layers")
    shutil.copy(ROOT / "plots/gallery/learning_curves.png", folder / "plots")  # of other models than these
    for run, name in (("mlp_256_dryrun", "mlp_256"), ("cnn_dryrun", "cnn")):  # as if these two were the deck's
        shutil.copytree(trained_folder / "models" / run, folder / "models" / name)
        change_metrics(folder, name, lambda metrics: metrics.update(deck_model=True))
    for name in ("mlp_256_dryrun", MLP):
        shutil.copytree(trained_folder / "models/mlp_256_dryrun", folder / "models" / name)
    (folder / "results").mkdir()
    study = (ROOT / "results/summary.html").read_text("utf-8") + "<table><tr><td>x &lt; y</td></tr></table>"
    (folder / "results/summary.html").write_text(study, encoding="utf-8")
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
    head = re.findall("<th.*?>(.*?)</th>", table)
    rows = [re.findall("<td>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    return {row[0]: dict(zip(head, row)) for row in rows if row}


def test_every_run_and_the_study_are_there_and_nothing_comes_from_elsewhere(site):
    text = (site / "plots/index.html").read_text(encoding="utf-8")
    table = cells(text)
    assert list(table) == ["mlp_256", "cnn", MLP]  # and no dry run
    columns = {"test accuracy": "test_accuracy", "training": "train_accuracy", "validation": "validation_accuracy"}
    for name, row in table.items():
        assert f"<summary><h2>{name}</h2>" in text and f'href="#run-{name}"' in text
        for column, key in columns.items():
            assert row[column] == f"{read_metrics(site, name)[key]:.4f}"
    assert table["cnn"]["deck"] == "0.9902" and table["cnn"]["slide"] == "29"
    assert table[MLP]["deck"] == "-" and "NA" not in str(table)
    assert "CNN (slide 29)" in text
    assert "<td>x &lt; y</td>" in text and "python reproduce.py" not in text  # the study
    assert "http" not in text and 'src="learning_curves.png"' in text
    assert re.findall('href="(.*?draw.html)"', text) == [f"{name}/draw.html" for name in [*table, *table]]
    for source in re.findall('(?:src|href)="([^#]*?)"', text):
        assert (site / "plots" / source).exists()


def test_damaged_runs_are_left_out_and_what_comes_from_the_others_is_escaped(site, tmp_path, monkeypatch):
    shutil.copytree(site / "models", tmp_path / "models")
    (tmp_path / "models/cnn/metrics.json").write_text("{", encoding="utf-8")
    change_metrics(tmp_path, "mlp_256", lambda metrics: metrics.pop("test_accuracy"))  # never evaluated
    change_metrics(tmp_path, MLP, lambda metrics: metrics.update(device="<b>GPU</b> & more"))
    (tmp_path / "models" / MLP).rename(tmp_path / "models/mine & #1 50%")
    (tmp_path / "plots").mkdir()
    monkeypatch.chdir(tmp_path)
    text = report.write_index().read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", text) == list(cells(text)) == ["mine &amp; #1 50%"]
    assert "trained on &lt;b&gt;GPU&lt;/b&gt; &amp; more" in text and "<b>" not in text
    assert "<code>python reproduce.py</code>" in text  # the study, of which there is nothing here
    assert "draw.html" not in text  # nor a page of these runs
    assert 'href="#run-mine%20%26%20%231%2050%25"' in text


def test_a_browser_shows_every_figure_of_the_report_in_both_languages(open_page, site):
    for width, language, contents in ((360, "#zh-TW", "目錄"), (1280, "", "Contents")):
        page = open_page(f"index.html{language}", site, viewport={"width": width, "height": 900}, color_scheme="dark")
        assert not page.is_visible("details img")
        page.click('nav a[href="#run-cnn"]')
        assert page.is_visible("#run-cnn .draw") and page.locator("details[open]").count() == 1
        assert page.text_content("nav h2") == contents
        page.evaluate("document.querySelectorAll('details').forEach(details => (details.open = true))")
        words = set(re.findall(r"\b[A-Za-z]{2,}\b", page.inner_text("main")))
        assert words <= NAMES if language else "beats" in words, words
        page.evaluate("Promise.all([...document.images].map(image => ((image.loading = 'eager'), image.decode())))")
        images = page.evaluate("[...document.images].map(image => [image.naturalWidth, image.ariaLabel])")
        assert len(images) == 20 and all(size > 500 and label for size, label in images)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
        assert find_violations(page) == {}

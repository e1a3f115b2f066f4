"""The page plots/index.html: its numbers are those of metrics.json, and a browser shows every figure on it."""

import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

from conftest import ROOT, read_metrics, run_script
from digits import results

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# Appended to a copy of the page: what a browser makes of each image and of the width of the page.
PROBE = """<script>
addEventListener("load", () => {
  const images = [...document.images].map(i => [i.getAttribute("src"), i.complete, i.naturalWidth, i.alt]);
  document.body.dataset.found = JSON.stringify({images, widths: [document.documentElement.scrollWidth, innerWidth]});
});
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory, trained_folder):
    """A folder with small runs of an MLP and of the CNN, the worked examples, and the page."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(trained_folder, folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "plots/gallery/layers", folder / "plots/layers")
    # As if these two were the deck's: all figures are then drawn.
    for old, new in {"mlp_256_dryrun_synthetic": "mlp_256", "cnn_dryrun_synthetic": "cnn"}.items():
        shutil.copytree(folder / "models" / old, folder / "models" / new)
        change_metrics(folder, new, lambda metrics: metrics.update(deck_model=True))
    change_metrics(folder, "cnn_dryrun_synthetic", lambda metrics: metrics["flags"].update(digit=4))
    (folder / "results").mkdir()
    (folder / "results/summary.html").write_text("<table><tr><td>x &lt; y</td></tr></table>")
    process = run_script(folder, "evaluate.py")
    assert process.returncode == 0 and process.stderr == "" and "plots/index.html" in process.stdout
    return folder


def change_metrics(folder, run_name, change):
    """Call `change` with the content of a run's metrics.json, and write what it left."""
    metrics = read_metrics(folder, run_name)
    change(metrics)
    (folder / "models" / run_name / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


@pytest.fixture
def copy(site, tmp_path, monkeypatch):
    """A copy of the site, without the study, to change; it is the current folder."""
    for name in ("models", "plots"):
        shutil.copytree(site / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(site):
    return (site / "plots/index.html").read_text(encoding="utf-8")


RUNS = ["mlp_256", "cnn", "cnn_dryrun_synthetic", "mlp_256_dryrun_synthetic"]


def test_the_tables_numbers_are_those_of_metrics_json(site):
    table = cells(page(site))
    assert list(table) == RUNS
    for name in RUNS:
        found = read_metrics(site, name)
        row = table[name]
        assert row["test accuracy"] == f"{found['test_accuracy']:.4f}"
        assert row["training"] == f"{found['train_accuracy']:.4f}"
        assert row["validation"] == f"{found['validation_accuracy']:.4f}"
    assert table["cnn"]["deck"] == "0.9902" and table["cnn"]["slide"] == "29"
    assert table["cnn_dryrun_synthetic"]["deck"] == "-"


def cells(text):
    """The first table of a page: a dict of its first column to a dict of the others."""
    table = text[text.index("<table") : text.index("</table>")]
    head = re.findall("<th>(.*?)</th>", table)
    rows = [re.findall("<td>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    return {row[0]: dict(zip(head, row)) for row in rows if row}


def test_every_run_and_the_study_are_there(site):
    for name in RUNS:
        assert f"<h2>{name}</h2>" in page(site)
    assert "SYNTHETIC digits, not MNIST" in page(site) and "CNN (slide 29)" in page(site)
    assert "<td>x &lt; y</td>" in page(site)  # of the study


def test_damaged_runs_and_those_never_evaluated_are_left_out(copy):
    (copy / "models/cnn/metrics.json").write_text("{")
    change_metrics(copy, "cnn_dryrun_synthetic", lambda metrics: metrics.pop("test_accuracy"))
    results.write_index()
    assert re.findall("<h2>(.*?)</h2>", page(copy))[:2] == ["mlp_256", "mlp_256_dryrun_synthetic"]
    assert list(cells(page(copy))) == ["mlp_256", "mlp_256_dryrun_synthetic"]
    assert "cnn" not in page(copy)


def test_without_the_study_the_page_says_what_makes_it(site, copy):
    assert "python reproduce.py" not in page(site)
    results.write_index()
    assert "<code>python reproduce.py</code> makes it" in page(copy)


def test_what_comes_from_a_run_is_escaped(copy):
    change_metrics(copy, "cnn", lambda metrics: metrics.update(device="<b>GPU</b> & more"))
    (copy / "models/mlp_256").rename(copy / "models/<i>mlp")
    results.write_index()
    assert "trained on &lt;b&gt;GPU&lt;/b&gt; &amp; more" in page(copy) and "<b>" not in page(copy)
    assert "<h2>&lt;i&gt;mlp</h2>" in page(copy) and "<i>" not in page(copy)


def test_a_page_that_cannot_be_made_leaves_the_one_before(copy, monkeypatch):
    before = page(copy)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        results.write_index()
    assert page(copy) == before
    assert sorted(path.name for path in (copy / "plots").glob("*index*")) == ["index.html"]


def test_nothing_comes_from_elsewhere(site):
    assert "http" not in page(site) and "<script" not in page(site)
    for source in re.findall('(?:src|href)="(.*?)"', page(site)):
        assert source == "data:," or (site / "plots" / source).exists()


def test_the_digit_that_goes_through_the_network_can_be_chosen(trained_folder, site):
    run_name = "cnn_dryrun_synthetic"
    assert read_metrics(trained_folder, run_name)["flags"]["digit"] == 3  # the site's is 4
    for figure, same in {"filters.png": True, "feature_maps.png": False}.items():
        old, new = (Image.open(folder / "plots" / run_name / figure).tobytes() for folder in (trained_folder, site))
        assert (old == new) is same, figure


@pytest.mark.skipif(not BROWSER, reason="needs Chromium: it is not installed")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_browser_shows_every_figure_and_has_no_complaint(site, tmp_path, width):
    probe = site / "plots/probe.html"
    probe.write_text(page(site) + PROBE, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}", "--enable-logging=stderr"]
    flags += [f"--window-size={width},900", "--virtual-time-budget=10000", "--dump-dom"]
    process = subprocess.run([BROWSER, *flags, probe.as_uri()], capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in process.stderr
    found = json.loads(re.search('data-found="(.*?)"', process.stdout)[1].replace("&quot;", '"'))
    assert len(found["images"]) == page(site).count("<img ") > 20
    for source, complete, natural_width, alternative in found["images"]:
        assert complete and natural_width > 500 and alternative, source
    needed, there = found["widths"]
    assert needed <= there <= width  # nothing sticks out

"""What the tests share: scripts run as a student runs them, in folders of their own, and what they leave there."""

import contextlib
import io
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from digits.figures import runs as figures
from digits.pages import template

ROOT = Path(__file__).parent.parent
FAST = ["--dry-run"]  # a training of two seconds
RUN = "mlp_256_dryrun"  # which mlp.py saves then
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = template.FOLDER / "node_modules/axe-core/axe.min.js"
HOME = tempfile.TemporaryDirectory(prefix="home-")  # of the processes here: Keras and matplotlib write into it


@pytest.fixture(scope="session")
def tensorflow():
    """TensorFlow; the tests that need none of it do not ask for it, and do not wait for its import."""
    from digits import keras_start

    return keras_start.import_tensorflow()


def environment(home, **more):
    """Return an environment without a network and without anybody's settings; libraries write caches into `home`."""
    home = Path(home).resolve()
    assert home != ROOT and ROOT not in home.parents, "nothing may write caches into the checkout"
    closed = "http://127.0.0.1:9"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_", "MPL", "XDG_"))}
    return {**kept, "HOME": str(home), "http_proxy": closed, "https_proxy": closed, "no_proxy": "127.0.0.1"} | more


def run_python(folder, *command, **env):
    """Run `python <command>` in `folder`, without a network and with more variables in `env`; return the process."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(HOME.name, **env),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
    )


@contextlib.contextmanager
def start_python(folder, *command, **env):
    """Yield a `python <command>` that is running in `folder`; it and its children are killed at the end."""
    posix = os.name == "posix"
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment(HOME.name, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) if posix else None,  # a job may ignore it
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL) if posix else process.kill()


def run_script(folder, script, *flags, stdout=None):
    """Run a script in `folder`, its own or this project's, in this process, where TensorFlow has been started once.

    It returns what a finished process has: returncode, stdout and stderr.
    """
    import keras

    keras.backend.clear_session()  # a new process counts its layers from 0
    path = folder / script if (folder / script).exists() else ROOT / script
    out, err, before, code = stdout or io.StringIO(), io.StringIO(), sys.argv, 0
    sys.argv = [script, *map(str, flags)]
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(str(path), run_name="__main__")
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = before
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def succeed(process):
    """Check that `process` ended well and without a word on stderr; return what it printed."""
    assert process.returncode == 0 and process.stderr == "", process.stderr
    return process.stdout


def error_line(process, code):
    """Check that `process` ended with `code` and one line on stderr; return that line."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == code and len(lines) == 1, process.stderr
    return lines[0]


@pytest.fixture
def without_figures(monkeypatch):
    """Runs are shown without their figures, which take longer than a dry run's training."""
    monkeypatch.setattr(figures, "FIGURES", {})


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory, tensorflow):
    """A folder in which mlp.py and cnn.py have run on 2000 images; for reading only, all tests share it."""
    folder = tmp_path_factory.mktemp("trained")
    for script, *flags in (["mlp.py"], ["cnn.py"]):
        succeed(run_script(folder, script, *flags, *FAST))
    return folder


@pytest.fixture
def trained_copy(trained_folder, tmp_path):
    """A copy of that folder, for a test that writes into it."""
    shutil.copytree(trained_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def clone(tmp_path):
    """A copy of the code and of MNIST, as a new clone is."""
    for path in ROOT.glob("*.py"):
        shutil.copy(path, tmp_path)
    caches = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in ("data", "digits", "lab", "study"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=caches)
    return tmp_path


def read_metrics(folder, run_name):
    """Return the metrics.json of a run in `folder`."""
    return json.loads((Path(folder) / "models" / run_name / "metrics.json").read_text(encoding="utf-8"))


def make_row(experiment="mlp_256", seed=0, **more):
    """Return a row of the study's runs.csv."""
    from study import experiments

    known = dict.fromkeys(experiments.NUMBERS, 0.5) | {"experiment": experiment, "seed": seed, "threads": 1}
    known["code"] = experiments.CODE[experiment]
    return dict.fromkeys(experiments.COLUMNS, "x") | known | more


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: requirements-dev.txt installs it")
    if not CHROMIUM:
        pytest.skip("needs Chromium: it is not installed")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM)


@pytest.fixture
def open_page(chromium, trained_folder):
    """A function that opens a file of plots/; at the end of the test, none has complained or asked the network."""
    complaints = []

    def open_page(path, folder=trained_folder, **context):
        path, _, address = path.partition("#")
        opened = chromium.new_context(**{"locale": "en-US", "viewport": {"width": 1366, "height": 768}} | context)
        page = opened.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url[:5] != "file:" and complaints.append(request.url))
        page.goto(f"{(folder / 'plots' / path).as_uri()}#{address}")
        if path.endswith("draw.html"):
            page.wait_for_function("window.digits")
        settle(page)
        return page

    yield open_page
    assert complaints == []


def settle(page):
    """Wait until the page is up to date, which it is brought once per frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def find_violations(page):
    """What axe-core says against a page's accessibility: rules, each with the elements that break it."""
    if not AXE.exists():
        pytest.skip("needs axe-core: `npm install` in digits/pages/ brings it")
    page.evaluate(AXE.read_text("utf-8"))
    return {each["id"]: [node["html"] for node in each["nodes"]] for each in page.evaluate("axe.run()")["violations"]}

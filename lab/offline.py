"""Fill a folder from which a class installs without a network: packages, these scripts, the worksheet as a web page.

python -m lab.offline D:/class --for windows macos    for the students' computers

It takes what git tracks, without the answers, and downloads 500 MB for Windows, 370 MB for macOS, 730 MB for Linux.
Copy the folder to each computer; there, in the folder mnist/ of it:

python -m pip install --no-index --find-links ../packages -r requirements.txt pillow-heif
"""

import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

from digits import flags
from digits.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
# Which wheels a system takes, by pip's names; macOS's are for Apple's own processors, as TensorFlow's are.
PLATFORMS = {
    "windows": ["win_amd64"],
    "macos": ["macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64"],
    "linux": ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64"],
}
ANSWERS = "lab/answers*.md"  # the lecturer's
STYLE = "body { max-width: 45em; margin: auto; padding: 1em; font: 1.1em/1.6 sans-serif } pre { background: #eee }"


def list_scripts():
    """Return the paths of the files that git tracks here, without the answers, from `ROOT` on."""
    command = ["git", "-C", ROOT, "ls-files", "-z"]
    try:
        names = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"git must be installed, and {ROOT} a clone, made with `git clone`") from error
    return [path for path in map(Path, names.rstrip("\0").split("\0")) if not path.match(ANSWERS)]


def copy_scripts(paths, folder):
    """Copy files of this repository into a new folder, and beside the worksheets write them as HTML."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    for path in folder.glob("lab/lab*.md"):
        path.with_suffix(".html").write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")


def render(text):
    """Return a Markdown text as HTML: links lead to the other worksheet's HTML, and none to the answers."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\[([^]]+)\]\(answers[^)]*\)", r"\1", text)
    text = re.sub(r"\((lab[\w.-]*)\.md\)", r"(\1.html)", text)
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    for token, content in itertools.pairwise(tokens):
        if token.type == "heading_open":  # with an id for links, as GitHub makes it
            token.attrSet("id", re.sub(r"[^\w -]", "", content.content.lower()).replace(" ", "-"))
    body = parser.renderer.render(tokens, parser.options, {})
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>MNIST</title>\n<style>{STYLE}</style>\n{body}'


def download_packages(folder, system, python):
    """Download the wheels of requirements.txt for one of `PLATFORMS` and a version of Python into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, "--only-binary", ":all:"]
    command += ["--python-version", python, *(f"--platform={name}" for name in PLATFORMS[system])]
    command += ["--requirement", ROOT / "requirements.txt", "--constraint", ROOT / "constraints.txt"]
    command += ["pillow-heif"]  # for photographs of an iPhone
    if subprocess.run(command).returncode:
        raise UserError(f"pip could not download the packages for {system}: see its message above")


def main(args):
    folder = args.folder.expanduser().resolve()
    scripts = folder / "mnist"
    if folder.is_relative_to(ROOT):
        raise UserError(f"{folder} is in this repository: name a folder outside", 2)
    if scripts.exists():
        raise UserError(f"{scripts} is there already: move it away", 2)
    paths = list_scripts()
    for system in args.systems:
        print(f"Downloading the packages for {system} and Python {args.python} ...", flush=True)
        download_packages(folder / "packages", system, args.python)
    copy_scripts(paths, scripts)
    print(f"Written: {folder}/ (packages/ and mnist/; the worksheet is mnist/lab/lab.html)")
    print("On each computer, in mnist/:")
    print("python -m pip install --no-index --find-links ../packages -r requirements.txt pillow-heif")


parser = flags.argument_parser(__doc__, "-m lab.offline")
parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, or one that has packages already")
systems = {"dest": "systems", "nargs": "+", "choices": PLATFORMS, "default": ["windows"]}
parser.add_argument("--for", **systems, help="the students' systems: any of windows, macos, linux")
parser.add_argument("--python", default="3.11", metavar="VERSION", help="the students' version of Python")

if __name__ == "__main__":
    flags.run_command(main, parser)

"""Fill a folder from which a class installs without a network: packages and these scripts.

python -m docs.offline D:/class --for windows macos    for the students' computers

It takes about 500 MB per system. Copy the folder to each computer; there, in the folder mnist/ of it:

python -m pip install --no-index --find-links ../packages -r requirements.txt
"""

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
OWN = {"models", "venv", "__pycache__", "photograph.jpg"}  # the lecturer's, not the class's; and what begins with a dot
KEPT = {ROOT / "plots": {"README.md", "gallery"}}


def copy_scripts(folder):
    """Copy this repository into a new folder, without its history, and without what was trained and drawn here."""

    def ignore(place, names):
        kept = KEPT.get(Path(place), set(names))
        return [name for name in names if name not in kept or name in OWN or name.startswith(".")]

    shutil.copytree(ROOT, folder, ignore=ignore)


def download_packages(folder, system, python):
    """Download the wheels of requirements.txt for one of `PLATFORMS` and a version of Python into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, "--only-binary", ":all:"]
    command += ["--python-version", python, *(f"--platform={name}" for name in PLATFORMS[system])]
    command += ["--requirement", ROOT / "requirements.txt", "--constraint", ROOT / "constraints.txt"]
    if subprocess.run(command).returncode:
        raise UserError(f"pip could not download the packages for {system}: see its message above")


def main(args):
    folder = args.folder.expanduser().resolve()
    scripts = folder / "mnist"
    if folder.is_relative_to(ROOT):
        raise UserError(f"{folder} is in this repository: name a folder outside", 2)
    if scripts.exists():
        raise UserError(f"{scripts} is there already: move it away", 2)
    for system in args.systems:
        print(f"Downloading the packages for {system} and Python {args.python} ...", flush=True)
        download_packages(folder / "packages", system, args.python)
    copy_scripts(scripts)
    print(f"Written: {folder}/ (packages/ and mnist/)")
    print("On each computer, in mnist/:")
    print("python -m pip install --no-index --find-links ../packages -r requirements.txt")


parser = flags.argument_parser(__doc__, "-m docs.offline")
parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, or one that has packages already")
parser.add_argument(
    "--for",
    dest="systems",
    nargs="+",
    choices=PLATFORMS,
    default=["windows"],
    help="the students' systems: any of windows, macos, linux",
)
parser.add_argument("--python", default="3.11", metavar="VERSION", help="the students' version of Python")

if __name__ == "__main__":
    flags.run_command(main, parser)

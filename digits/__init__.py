"""The workshop behind the lesson scripts: what makes them fast and safe, and draws. Nothing here imports a script."""

import sys

# Python looks for modules in the script's folder first: a copy of mlp.py called copy.py, or random.py, would break its
# own modules. The folder now stands behind them, and before the installed packages.
packages = [at for at, place in enumerate(sys.path) if place.endswith("-packages")]
if packages and packages[0] > 0:
    sys.path.insert(packages[0] - 1, sys.path.pop(0))

from digits import errors  # noqa: E402 - its own imports need the path above

sys.excepthook = errors.report_failed_import  # a package is missing, say, since the environment is not activated
if sys.version_info < (3, 10):  # noqa: UP036 - macOS comes with 3.9, for which pip finds all packages
    errors.fail(f"Python {sys.version.split()[0]} is too old: install 3.11, 3.12 or 3.13 (README.md)")

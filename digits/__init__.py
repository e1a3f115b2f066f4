"""The workshop behind the lesson scripts: what makes them fast and safe, and draws. Nothing here imports a script."""

import sys

from digits import errors

sys.excepthook = errors.report_failed_import  # a package is missing, say, since the environment is not activated
if sys.version_info < (3, 10):  # noqa: UP036 - macOS comes with 3.9, for which pip finds all packages
    errors.fail(f"Python {sys.version.split()[0]} is too old: install 3.11, 3.12 or 3.13 (README.md)")
